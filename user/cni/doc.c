// SPDX-License-Identifier: GPL-2.0
/* What the plugin reads and answers, as a table for people. */
#include <stddef.h>
#include "cni/doc.h"
#include "lib/sluice.h"

const char cni_doc_summary[] = "CNI plugin of sluice, specification 0.1.0 to 1.1.0";
const char cni_doc_about[] =
	"Run by a container runtime, which sets CNI_COMMAND and writes a network configuration to "
	"standard input; it is not a command for people. Attachments are kept as records below the "
	"state directory, which are also the address allocations; the daemon puts a pod's policy "
	"in force before ADD returns. DEL works without the daemon.";

const char *const cni_doc_titles[__CNI_DOC_MAX] = {
	[CNI_DOC_ENVIRONMENT] = "Environment",
	[CNI_DOC_CONFIGURATION] = "Network configuration",
	[CNI_DOC_CODE] = "Error codes",
};

#define ENV CNI_DOC_ENVIRONMENT
#define CONF CNI_DOC_CONFIGURATION
#define CODE CNI_DOC_CODE

const struct cni_doc cni_docs[] = {
	{ ENV, "CNI_COMMAND", "ADD, DEL, CHECK, STATUS, GC or VERSION" },
	{ ENV, "CNI_CONTAINERID", "the container; needed by ADD, DEL and CHECK" },
	{ ENV, "CNI_IFNAME", "name of the device in the pod; needed by ADD, DEL and CHECK" },
	{ ENV, "CNI_NETNS", "path of the pod's network namespace; needed by ADD and CHECK" },
	{ ENV, "CNI_ARGS",
	  "KEY=value pairs with ';' between: K8S_POD_NAMESPACE, K8S_POD_NAME, K8S_POD_UID, IP "
	  "(address wanted), IgnoreUnknown" },
	{ CONF, "cniVersion", "0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0 or 1.1.0" },
	{ CONF, "name", "name of the network" },
	{ CONF, "socket", "the daemon's control socket, " SLUICE_RUN_DIR "/sluiced.sock when absent" },
	{ CONF, "stateDir", "where records are, " SLUICE_STATE_DIR " when absent" },
	{ CONF, "logLevel", "error, warning (when absent), info or debug" },
	{ CONF, "dns", "handed on in the result" },
	{ CONF, "ipam", "only empty or absent: addresses come from the node's pod ranges" },
	{ CONF, "runtimeConfig.ips", "addresses wanted, one of a family" },
	{ CONF, "runtimeConfig.mac", "MAC address wanted for the pod's device" },
	{ CONF, "runtimeConfig.portMappings", "refused where it asks for a host port" },
	{ CONF, "runtimeConfig.bandwidth", "refused where it asks for a limit" },
	{ CONF, "runtimeConfig.ipRanges", "refused unless empty" },
	{ CONF, "prevResult", "result of the plugins before in a chain; needed by CHECK" },
	{ CONF, "cni.dev/valid-attachments", "attachments that GC keeps; it keeps all when this is absent" },
	{ CODE, "1 to 7", "as the specification says" },
	{ CODE, "11", "try again: the daemon does not answer or is not ready" },
	{ CODE, "50", "STATUS: pods cannot be added now" },
	{ CODE, "100", "no free address" },
	{ CODE, "101", "attachment, device or address is there already" },
	{ CODE, "102", "the kernel refused something" },
	{ CODE, "103", "the daemon refused something" },
	{ CODE, "104", "CHECK: something is not as ADD left it" },
	{ CODE, "105", "internal, such as out of memory" },
	{ .name = NULL },
};
