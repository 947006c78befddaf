// SPDX-License-Identifier: GPL-2.0
/*
 * Sends TCP SYNs as fast as a packet socket takes them, with source
 * addresses and ports that go round: a flood for the tests. Knows nothing of
 * sluice; runs in the network namespace that it is started in.
 *
 *   flood DEV DST-MAC SRC DST DPORT COUNT [HOSTS]
 *
 * SRC and DST: IPv4 or IPv6 addresses of one family; the last 16 bits of SRC
 * go round through HOSTS values (default 1: the source is SRC alone), source
 * ports through all of them. DPORT 0: goes round too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64

struct frame {
	unsigned char bytes[128];
	size_t len;
	unsigned int l3, l4;		/* offsets */
	unsigned int addr_len;		/* 4 or 16 */
	unsigned int saddr;		/* offset */
};

static unsigned int sum16(const unsigned char *p, size_t len, unsigned int sum)
{
	for (; len > 1; p += 2, len -= 2)
		sum += (unsigned int)p[0] << 8 | p[1];
	return sum;
}

static unsigned short fold(unsigned int sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((unsigned short)~sum);
}

static int frame_init(struct frame *f, const char *src, const char *dst)
{
	struct iphdr *ip = (struct iphdr *)(f->bytes + ETH_HLEN);
	struct ip6_hdr *ip6 = (struct ip6_hdr *)(f->bytes + ETH_HLEN);
	struct ether_header *eth = (struct ether_header *)f->bytes;

	f->l3 = ETH_HLEN;
	if (strchr(dst, ':')) {
		eth->ether_type = htons(ETHERTYPE_IPV6);
		f->l4 = f->l3 + sizeof(*ip6);
		f->addr_len = 16;
		f->saddr = f->l3 + 8;
		ip6->ip6_flow = htonl(6U << 28);
		ip6->ip6_plen = htons(sizeof(struct tcphdr));
		ip6->ip6_nxt = IPPROTO_TCP;
		ip6->ip6_hlim = 64;
		if (inet_pton(AF_INET6, src, &ip6->ip6_src) != 1 ||
		    inet_pton(AF_INET6, dst, &ip6->ip6_dst) != 1)
			return -EINVAL;
	} else {
		eth->ether_type = htons(ETHERTYPE_IP);
		f->l4 = f->l3 + sizeof(*ip);
		f->addr_len = 4;
		f->saddr = f->l3 + 12;
		ip->version = 4;
		ip->ihl = 5;
		ip->ttl = 64;
		ip->protocol = IPPROTO_TCP;
		ip->tot_len = htons(sizeof(*ip) + sizeof(struct tcphdr));
		if (inet_pton(AF_INET, src, &ip->saddr) != 1 ||
		    inet_pton(AF_INET, dst, &ip->daddr) != 1)
			return -EINVAL;
	}
	f->len = f->l4 + sizeof(struct tcphdr);
	return 0;
}

/* The @n-th packet of the flood; @f has the first one's source address. */
static void frame_fill(struct frame *f, unsigned long n, unsigned int dport, unsigned int hosts)
{
	unsigned char *host = f->bytes + f->saddr + f->addr_len - 2;
	struct tcphdr *tcp = (struct tcphdr *)(f->bytes + f->l4);
	unsigned int h = ((unsigned int)host[0] << 8 | host[1]) + (unsigned int)(n % hosts);

	host[0] = (unsigned char)(h >> 8);
	host[1] = (unsigned char)h;
	memset(tcp, 0, sizeof(*tcp));
	tcp->source = htons((unsigned short)(1024 + n / hosts % 64512));
	tcp->dest = htons((unsigned short)(dport ? dport : 1 + n % 65535));
	tcp->seq = htonl((unsigned int)(n * 2654435761U));
	tcp->doff = 5;
	tcp->syn = 1;
	tcp->window = htons(64240);
	tcp->check = fold(sum16(f->bytes + f->saddr, 2 * f->addr_len,
				sum16((unsigned char *)tcp, sizeof(*tcp),
				      IPPROTO_TCP + sizeof(*tcp))));
	if (f->addr_len == 4) {
		struct iphdr *ip = (struct iphdr *)(f->bytes + f->l3);

		ip->check = 0;
		ip->check = fold(sum16((unsigned char *)ip, sizeof(*ip), 0));
	}
}

static int open_device(const char *dev, struct frame *f, const char *dst_mac)
{
	struct ether_header *eth = (struct ether_header *)f->bytes;
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	struct ifreq ifr = { 0 };
	int fd, err;

	if (sscanf(dst_mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &eth->ether_dhost[0],
		   &eth->ether_dhost[1], &eth->ether_dhost[2], &eth->ether_dhost[3],
		   &eth->ether_dhost[4], &eth->ether_dhost[5]) != 6)
		return -EINVAL;
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		goto err_close;
	memcpy(eth->ether_shost, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	ll.sll_ifindex = (int)if_nametoindex(dev);
	if (bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		goto err_close;
	return fd;
err_close:
	err = -errno;
	close(fd);
	return err;
}

static int flood(int fd, const struct frame *first, unsigned long count, unsigned int dport,
		 unsigned int hosts)
{
	struct frame frames[BATCH];
	struct mmsghdr msgs[BATCH] = { 0 };
	struct iovec iov[BATCH];
	unsigned long n = 0;

	for (int i = 0; i < BATCH; i++) {
		frames[i] = *first;
		iov[i] = (struct iovec){ frames[i].bytes, first->len };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	while (n < count) {
		int sent;

		for (int i = 0; i < BATCH; i++) {
			memcpy(frames[i].bytes + first->saddr, first->bytes + first->saddr,
			       first->addr_len);
			frame_fill(&frames[i], n + (unsigned long)i, dport, hosts);
		}
		sent = sendmmsg(fd, msgs, BATCH, 0);
		if (sent < 0 && errno != ENOBUFS)
			return -errno;
		if (sent > 0)
			n += (unsigned long)sent;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct frame f = { 0 };
	unsigned long count;
	int fd, err;

	if (argc != 7 && argc != 8) {
		fprintf(stderr, "usage: flood DEV DST-MAC SRC DST DPORT COUNT [HOSTS]\n");
		return 2;
	}
	count = strtoul(argv[6], NULL, 10);
	err = frame_init(&f, argv[3], argv[4]);
	if (err) {
		fprintf(stderr, "flood: %s, %s: not addresses of one family\n", argv[3], argv[4]);
		return 2;
	}
	fd = open_device(argv[1], &f, argv[2]);
	if (fd < 0) {
		fprintf(stderr, "flood: %s: %s\n", argv[1], strerror(-fd));
		return 1;
	}
	err = flood(fd, &f, count, (unsigned int)strtoul(argv[5], NULL, 10),
		    argc == 8 ? (unsigned int)strtoul(argv[7], NULL, 10) : 1);
	close(fd);
	if (err) {
		fprintf(stderr, "flood: %s\n", strerror(-err));
		return 1;
	}
	return 0;
}
