// SPDX-License-Identifier: GPL-2.0
/* Programs on devices: links and filters, upgrades, devices that come and go. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include "dataplane.h"

#define TC_PRIORITY	1		/* ours, as user/lib/attach.c has them */
#define TC_HANDLE	0x736c

static struct sluice *sl;

static int load_setup(void **state)
{
	(void)state;
	return sluice_load(TEST_ROOT, NULL, &sl);
}

static int unload_teardown(void **state)
{
	sluice_close(sl);
	sl = NULL;
	return dataplane_unload(state);
}

static void upgrade(void)
{
	struct sluice *next;

	assert_int_equal(sluice_load(TEST_ROOT, NULL, &next), 0);
	sluice_close(next);
}

static int links_pinned(void)
{
	struct dirent *de;
	DIR *d = opendir(TEST_PINS "/links");
	int n = 0;

	assert_non_null(d);
	while ((de = readdir(d)))
		n += de->d_name[0] != '.';
	closedir(d);
	return n;
}

/* What is on one hook of a device. */
struct on {
	int n;
	__u32 link_id, prog_id;
	char name[32];
};

static void prog_name(__u32 id, char *name, size_t len)
{
	struct bpf_prog_info info = {};
	__u32 info_len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_get_info_by_fd(fd, &info, &info_len), 0);
	close(fd);
	snprintf(name, len, "%s", info.name);
}

static struct on on_tcx(int ifindex, enum bpf_attach_type type)
{
	__u32 progs[64] = {}, links[64] = {};
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = progs, .link_ids = links, .prog_cnt = 64);
	struct on on = {};

	assert_int_equal(bpf_prog_query_opts(ifindex, type, &opts), 0);
	on.n = opts.prog_cnt;
	if (on.n) {
		on.link_id = links[0];
		on.prog_id = progs[0];
		prog_name(on.prog_id, on.name, sizeof(on.name));
	}
	return on;
}

static struct on on_clsact(int ifindex, enum bpf_tc_attach_point point, __u32 handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = TC_PRIORITY);
	libbpf_print_fn_t before = libbpf_set_print(NULL);
	struct on on = {};

	on.n = !bpf_tc_query(&hook, &opts);
	libbpf_set_print(before);
	if (on.n) {
		on.prog_id = opts.prog_id;
		prog_name(on.prog_id, on.name, sizeof(on.name));
	}
	return on;
}

static void check_veth_tcx(int ifindex)
{
	struct on in = on_tcx(ifindex, BPF_TCX_INGRESS), out = on_tcx(ifindex, BPF_TCX_EGRESS);

	assert_int_equal(in.n, 1);
	assert_int_equal(out.n, 1);
	assert_string_equal(in.name, "sl_from_pod");
	assert_string_equal(out.name, "sl_to_pod");
}

static void check_veth_clsact(int ifindex)
{
	assert_string_equal(on_clsact(ifindex, BPF_TC_INGRESS, TC_HANDLE).name, "sl_from_pod");
	assert_string_equal(on_clsact(ifindex, BPF_TC_EGRESS, TC_HANDLE).name, "sl_to_pod");
}

static void check_nothing(int ifindex)
{
	assert_int_equal(on_tcx(ifindex, BPF_TCX_INGRESS).n, 0);
	assert_int_equal(on_tcx(ifindex, BPF_TCX_EGRESS).n, 0);
	assert_int_equal(on_clsact(ifindex, BPF_TC_INGRESS, TC_HANDLE).n, 0);
	assert_int_equal(on_clsact(ifindex, BPF_TC_EGRESS, TC_HANDLE).n, 0);
}

struct listed {
	int n, ifindex;
	enum sluice_attach how;
};

static int list_one(void *arg, int ifindex, enum sluice_attach how)
{
	struct listed *l = arg;

	l->n++;
	l->ifindex = ifindex;
	l->how = how;
	return 0;
}

static struct listed attached(void)
{
	struct listed l = {};

	assert_int_equal(sluice_attached(sl, list_one, &l), 0);
	return l;
}

/* --------------------------------------------------------------- attaching */

static void tcx(void **state)
{
	int ifindex = pair_new("t0", "t0p");
	struct on before;

	(void)state;
	assert_int_equal(attached().n, 0);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	check_veth_tcx(ifindex);
	assert_int_equal(attached().n, 1);
	assert_int_equal(attached().ifindex, ifindex);
	assert_int_equal(attached().how, SLUICE_ATTACH_VETH);

	before = on_tcx(ifindex, BPF_TCX_INGRESS);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	assert_int_equal(on_tcx(ifindex, BPF_TCX_INGRESS).link_id, before.link_id);
	check_veth_tcx(ifindex);

	assert_int_equal(sluice_detach(sl, ifindex), 0);
	check_nothing(ifindex);
	assert_int_equal(links_pinned(), 0);
	assert_int_equal(sluice_detach(sl, ifindex), 0);
	assert_int_equal(sluice_detach(sl, 4242), 0);
}

static void uplink_and_tunnel(void **state)
{
	int up = pair_new("t0", "t0p"), tun = pair_new("t1", "t1p");

	(void)state;
	assert_int_equal(sluice_attach(sl, up, SLUICE_ATTACH_UPLINK), 0);
	assert_int_equal(sluice_attach(sl, tun, SLUICE_ATTACH_TUNNEL), 0);
	assert_string_equal(on_tcx(up, BPF_TCX_INGRESS).name, "sl_from_uplink");
	assert_string_equal(on_tcx(tun, BPF_TCX_INGRESS).name, "sl_from_tunnel");
	assert_string_equal(on_tcx(up, BPF_TCX_EGRESS).name, "sl_to_pod");
	assert_int_equal(on_tcx(tun, BPF_TCX_EGRESS).n, 0);
	assert_int_equal(attached().n, 2);
	assert_int_equal(sluice_detach(sl, up), 0);
	assert_int_equal(attached().n, 1);
	assert_int_equal(attached().how, SLUICE_ATTACH_TUNNEL);
}

static void clsact(void **state)
{
	int ifindex = pair_new("t0", "t0p");
	struct on before;

	(void)state;
	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	check_veth_clsact(ifindex);
	assert_int_equal(on_tcx(ifindex, BPF_TCX_INGRESS).n, 0);
	assert_int_equal(attached().n, 1);
	assert_int_equal(attached().how, SLUICE_ATTACH_VETH);

	before = on_clsact(ifindex, BPF_TC_INGRESS, TC_HANDLE);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	assert_int_equal(on_clsact(ifindex, BPF_TC_INGRESS, TC_HANDLE).prog_id, before.prog_id);

	assert_int_equal(sluice_detach(sl, ifindex), 0);
	check_nothing(ifindex);
	assert_int_equal(links_pinned(), 0);
}

/* From one mechanism to the other: the new one is there, the old one gone. */
static void changes_mechanism(void **state)
{
	int ifindex = pair_new("t0", "t0p");

	(void)state;
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	check_veth_clsact(ifindex);
	assert_int_equal(on_tcx(ifindex, BPF_TCX_INGRESS).n, 0);
	sluice_attach_clsact(sl, false);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	check_veth_tcx(ifindex);
	assert_int_equal(on_clsact(ifindex, BPF_TC_INGRESS, TC_HANDLE).n, 0);
	assert_int_equal(links_pinned(), 2);
}

static void refusals(void **state)
{
	int ifindex = pair_new("t0", "t0p");

	(void)state;
	assert_int_equal(sluice_attach(sl, 4242, SLUICE_ATTACH_VETH), -ENODEV);
	assert_int_equal(sluice_attach(sl, 0, SLUICE_ATTACH_VETH), -EINVAL);
	assert_int_equal(sluice_attach(sl, -1, SLUICE_ATTACH_VETH), -EINVAL);
	assert_int_equal(sluice_attach(sl, ifindex, __SLUICE_ATTACH_MAX), -EINVAL);
	assert_int_equal(sluice_detach(sl, 0), -EINVAL);
	assert_int_equal(sluice_attach_check(sl, 0, SLUICE_ATTACH_VETH), -EINVAL);
	assert_int_equal(sluice_attach_check(sl, ifindex, __SLUICE_ATTACH_MAX), -EINVAL);
	assert_int_equal(sluice_attach_check(sl, 4242, SLUICE_ATTACH_VETH), -ENOENT);
	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, 4242, SLUICE_ATTACH_UPLINK), -ENODEV);
	assert_int_equal(links_pinned(), 0);

	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_UPLINK), 0);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), -EEXIST);
	assert_int_equal(attached().how, SLUICE_ATTACH_UPLINK);
	assert_int_equal(links_pinned(), 2);
}

static void netkit(void **state)
{
	struct sluice_feature f[64];
	int i, n = sluice_features(f, 64), ifindex;

	(void)state;
	for (i = 0; i < n && strcmp(f[i].name, "netkit"); i++)
		;
	assert_true(i < n);
	if (f[i].present != 1) {
		ifindex = pair_new("t0", "t0p");
		assert_true(sluice_attach(sl, ifindex, SLUICE_ATTACH_NETKIT) < 0);
		assert_int_equal(links_pinned(), 0);
		unit_skip("the kernel has no netkit devices");
	}
	assert_int_equal(sh("ip link add t0 type netkit && ip link set t0 up"), 0);
	ifindex = if_nametoindex("t0");
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_NETKIT), 0);
	assert_string_equal(on_tcx(ifindex, BPF_NETKIT_PEER).name, "sl_from_pod");
	assert_string_equal(on_tcx(ifindex, BPF_TCX_EGRESS).name, "sl_to_pod");
	assert_string_equal(on_tcx(ifindex, BPF_NETKIT_PRIMARY).name, "sl_netkit");
	assert_int_equal(sluice_attach_check(sl, ifindex, SLUICE_ATTACH_NETKIT), 0);
	upgrade();
	assert_int_equal(attached().how, SLUICE_ATTACH_NETKIT);
	assert_int_equal(sluice_detach(sl, ifindex), 0);
	assert_int_equal(on_tcx(ifindex, BPF_NETKIT_PEER).n, 0);
	assert_int_equal(on_tcx(ifindex, BPF_TCX_EGRESS).n, 0);
	assert_int_equal(on_tcx(ifindex, BPF_NETKIT_PRIMARY).n, 0);
}

/* ---------------------------------------------------------- other programs */

static int foreign_prog(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", insns, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void foreign_filter(int ifindex, __u32 handle, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = TC_PRIORITY,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);

	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}

static void foreign_programs_stay(void **state)
{
	int ifindex = pair_new("t0", "t0p"), other = pair_new("t1", "t1p"), prog, link;

	(void)state;
	prog = foreign_prog();
	link = bpf_link_create(prog, ifindex, BPF_TCX_INGRESS, NULL);
	assert_true(link >= 0);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	assert_int_equal(on_tcx(ifindex, BPF_TCX_INGRESS).n, 2);
	assert_int_equal(sluice_detach(sl, ifindex), 0);
	assert_int_equal(on_tcx(ifindex, BPF_TCX_INGRESS).n, 1);
	close(link);

	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	assert_int_equal(sluice_attach(sl, other, SLUICE_ATTACH_VETH), 0);
	foreign_filter(ifindex, 7, prog);
	foreign_filter(other, TC_HANDLE, prog);		/* in the place of ours */
	upgrade();
	assert_string_equal(on_clsact(other, BPF_TC_INGRESS, TC_HANDLE).name, "foreign");
	assert_int_equal(sluice_detach(sl, ifindex), 0);
	assert_int_equal(sluice_detach(sl, other), 0);
	assert_string_equal(on_clsact(ifindex, BPF_TC_INGRESS, 7).name, "foreign");
	assert_int_equal(on_clsact(ifindex, BPF_TC_INGRESS, TC_HANDLE).n, 0);
	assert_string_equal(on_clsact(other, BPF_TC_INGRESS, TC_HANDLE).name, "foreign");
	assert_int_equal(links_pinned(), 0);
	close(prog);
}

/* ---------------------------------------------------------------- upgrades */

static void upgrade_replaces_in_place(void **state)
{
	int a = pair_new("t0", "t0p"), b = pair_new("t1", "t1p");
	struct on in, out, filter;

	(void)state;
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, b, SLUICE_ATTACH_VETH), 0);
	in = on_tcx(a, BPF_TCX_INGRESS);
	out = on_tcx(a, BPF_TCX_EGRESS);
	filter = on_clsact(b, BPF_TC_INGRESS, TC_HANDLE);
	upgrade();

	check_veth_tcx(a);
	check_veth_clsact(b);
	assert_int_equal(on_tcx(a, BPF_TCX_INGRESS).link_id, in.link_id);
	assert_int_equal(on_tcx(a, BPF_TCX_EGRESS).link_id, out.link_id);
	assert_int_not_equal(on_tcx(a, BPF_TCX_INGRESS).prog_id, in.prog_id);
	assert_int_not_equal(on_tcx(a, BPF_TCX_EGRESS).prog_id, out.prog_id);
	assert_int_not_equal(on_clsact(b, BPF_TC_INGRESS, TC_HANDLE).prog_id, filter.prog_id);
	/* one program each, whatever the mechanism */
	assert_int_equal(on_tcx(a, BPF_TCX_INGRESS).prog_id,
			 on_clsact(b, BPF_TC_INGRESS, TC_HANDLE).prog_id);
	assert_int_equal(attached().n, 2);

	/* the old handle attaches the new programs */
	assert_int_equal(sluice_detach(sl, a), 0);
	sluice_attach_clsact(sl, false);
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
	assert_int_equal(on_tcx(a, BPF_TCX_INGRESS).prog_id,
			 on_clsact(b, BPF_TC_INGRESS, TC_HANDLE).prog_id);
}

/* Frames from t0p to the address of t0, as a pod would send them, until told to stop. */
struct sender {
	int ifindex;
	unsigned char dmac[6];
	bool stop;
	unsigned long sent;
};

static void *send_frames(void *arg)
{
	struct sender *s = arg;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = s->ifindex };
	/* Ethernet, IPv4 without a checksum yet, UDP without one at all */
	unsigned char frame[60] = {
		[6] = 2, [12] = 8, [14] = 0x45, [17] = 46, [22] = 64, 17,
		[26] = 10, 9, 9, 2, 10, 9, 9, 1, [36] = 0x27, 0x0f, [39] = 26,
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	unsigned int sum = 0, i;

	assert_true(fd >= 0);
	memcpy(frame, s->dmac, 6);
	for (i = 14; i < 34; i += 2)
		sum += frame[i] << 8 | frame[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame[24] = sum >> 8;
	frame[25] = sum;
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED))
		if (sendto(fd, frame, sizeof(frame), 0, (void *)&to, sizeof(to)) > 0)
			__atomic_add_fetch(&s->sent, 1, __ATOMIC_RELAXED);
	close(fd);
	return NULL;
}

/* Datagrams to 10.9.9.1 port 9999 that came in, within a moment when @wait. */
static int received(int fd, bool wait)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[64];
	int n = 0;

	if (wait)
		poll(&pfd, 1, 5000);
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

/*
 * Behind the device is no endpoint, so every frame is refused; one that the
 * node's stack gets met no program.
 */
static void check_no_gap(int ifindex, bool clsact_only)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(9999),
				    .sin_addr.s_addr = htonl(0x0a090901) };
	struct sender s = { .ifindex = if_nametoindex("t0p") };
	struct sl_counter before[__SL_DROP_MAX], after[__SL_DROP_MAX];
	struct ifreq ifr = { .ifr_name = "t0" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), i;
	unsigned long sent;
	pthread_t thread;

	assert_int_equal(bind(fd, (void *)&here, sizeof(here)), 0);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &ifr), 0);
	memcpy(s.dmac, ifr.ifr_hwaddr.sa_data, 6);
	assert_int_equal(pthread_create(&thread, NULL, send_frames, &s), 0);
	assert_true(received(fd, true) > 0);	/* the same frames without a program */

	sluice_attach_clsact(sl, clsact_only);
	assert_int_equal(sluice_attach(sl, ifindex, SLUICE_ATTACH_VETH), 0);
	/* those on their way when it was attached are in the socket now, or soon */
	sent = __atomic_load_n(&s.sent, __ATOMIC_RELAXED);
	while (__atomic_load_n(&s.sent, __ATOMIC_RELAXED) < sent + 2000)
		usleep(1000);
	received(fd, false);
	assert_int_equal(sluice_drops(sl, before), 0);
	for (i = 0; i < unit_times(10, 2); i++)
		upgrade();
	assert_int_equal(received(fd, false), 0);
	assert_int_equal(sluice_drops(sl, after), 0);
	assert_true(after[SL_DROP_NO_EP].packets > before[SL_DROP_NO_EP].packets + 1000);

	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(sluice_detach(sl, ifindex), 0);
	close(fd);
}

static void upgrade_has_no_gap(void **state)
{
	int ifindex = pair_new("t0", "t0p");

	(void)state;
	assert_int_equal(sh("ip addr add 10.9.9.1/24 dev t0"), 0);
	check_no_gap(ifindex, false);
	check_no_gap(ifindex, true);
}

static void unload_detaches(void **state)
{
	int a = pair_new("t0", "t0p"), b = pair_new("t1", "t1p");

	(void)state;
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, b, SLUICE_ATTACH_UPLINK), 0);
	assert_int_equal(sluice_unload(TEST_ROOT), 0);
	check_nothing(a);
	check_nothing(b);
	/* the handle is still open: nothing can be attached through it */
	assert_true(sluice_attach(sl, a, SLUICE_ATTACH_VETH) < 0);
	check_nothing(a);
}

/* ------------------------------------------------ devices that come and go */

static void renew(const char *name, int ifindex)
{
	assert_int_equal(sh("ip link del %s", name), 0);
	assert_int_equal(sh("ip link add %s index %d type veth peer name %sp", name, ifindex, name),
			 0);
	assert_int_equal(if_nametoindex(name), ifindex);
}

static void device_deleted(void **state)
{
	int a = pair_new("t0", "t0p"), b = pair_new("t1", "t1p");

	(void)state;
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, b, SLUICE_ATTACH_VETH), 0);
	assert_int_equal(sh("ip link del t0; ip link del t1"), 0);
	assert_int_equal(attached().n, 0);
	assert_int_equal(links_pinned(), 4);
	assert_int_equal(sluice_detach(sl, a), 0);
	assert_int_equal(links_pinned(), 2);
	/* the next load sweeps as well */
	upgrade();
	assert_int_equal(links_pinned(), 0);
}

static void number_reused(void **state)
{
	int a = pair_new("t0", "t0p"), b = pair_new("t1", "t1p");

	(void)state;
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
	renew("t0", a);
	assert_int_equal(attached().n, 0);
	check_nothing(a);
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
	check_veth_tcx(a);
	/* and as something else, which is refused while it is alive */
	renew("t0", a);
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_UPLINK), 0);
	assert_string_equal(on_tcx(a, BPF_TCX_INGRESS).name, "sl_from_uplink");
	assert_int_equal(links_pinned(), 2);

	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, b, SLUICE_ATTACH_VETH), 0);
	renew("t1", b);
	assert_int_equal(attached().n, 1);
	assert_int_equal(sluice_attach(sl, b, SLUICE_ATTACH_VETH), 0);
	check_veth_clsact(b);
	/* by the other mechanism */
	renew("t1", b);
	sluice_attach_clsact(sl, false);
	assert_int_equal(sluice_attach(sl, b, SLUICE_ATTACH_VETH), 0);
	check_veth_tcx(b);
	assert_int_equal(links_pinned(), 4);
}

/* What a caller that died between two steps leaves. */
static void half_attached(void **state)
{
	int a = pair_new("t0", "t0p"), b = pair_new("t1", "t1p"), fd, i;
	char path[128];

	(void)state;
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
	snprintf(path, sizeof(path), TEST_PINS "/links/veth-%d-to_pod", a);
	assert_int_equal(unlink(path), 0);
	/* the kernel lets go of the link in a work queue */
	for (i = 0; i < 5000 && on_tcx(a, BPF_TCX_EGRESS).n; i++)
		usleep(1000);
	assert_int_equal(on_tcx(a, BPF_TCX_EGRESS).n, 0);
	assert_int_equal(sluice_attach_check(sl, a, SLUICE_ATTACH_VETH), -ENOENT);
	assert_int_equal(sluice_attach(sl, a, SLUICE_ATTACH_VETH), 0);
	assert_int_equal(sluice_attach_check(sl, a, SLUICE_ATTACH_VETH), 0);
	assert_int_equal(sluice_attach_check(sl, a, SLUICE_ATTACH_NETKIT), -ENOENT);
	check_veth_tcx(a);

	/* the trace of a filter that was never put there */
	fd = bpf_obj_get(TEST_PINS "/progs/sl_from_pod");
	snprintf(path, sizeof(path), TEST_PINS "/links/veth-%d-from_pod-clsact", b);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	sluice_attach_clsact(sl, true);
	assert_int_equal(sluice_attach(sl, b, SLUICE_ATTACH_VETH), 0);
	check_veth_clsact(b);
	assert_int_equal(sluice_detach(sl, b), 0);

	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	upgrade();
	check_nothing(b);
	assert_int_equal(links_pinned(), 2);
}

/* Names that are nobody's attachment are left alone. */
static void strange_pins(void **state)
{
	static const char *const names[] = { "veth", "veth-", "veth-7", "veth-07-from_pod",
					     "veth-7-from_uplink", "other-7-from_pod", "x" };
	char path[128];
	int fd, i, n = sizeof(names) / sizeof(names[0]);

	(void)state;
	fd = bpf_obj_get(TEST_PINS "/progs/sl_from_pod");
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), TEST_PINS "/links/%s", names[i]);
		assert_int_equal(bpf_obj_pin(fd, path), 0);
	}
	close(fd);
	assert_int_equal(attached().n, 0);
	upgrade();
	assert_int_equal(links_pinned(), n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load_setup, unload_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcx), TEST(uplink_and_tunnel), TEST(clsact), TEST(changes_mechanism),
		TEST(refusals), TEST(netkit), TEST(foreign_programs_stay),
		TEST(upgrade_replaces_in_place), TEST(upgrade_has_no_gap), TEST(unload_detaches), TEST(device_deleted),
		TEST(number_reused), TEST(half_attached), TEST(strange_pins),
	};

	return unit_run(tests, dataplane_setup, NULL);
}
