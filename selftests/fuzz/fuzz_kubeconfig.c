// SPDX-License-Identifier: GPL-2.0
/* Kubeconfigs: what is refused has words and leaves nothing; what is taken is safe to use. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/config.h"
#include "k8s/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kubeconfig none;
	static char token[K8S_TOKEN_MAX];
	struct kubeconfig kc;
	struct diag diag = {};
	char text[1200];

	if (kubeconfig_parse("/f", (const char *)data, size, &kc, &diag)) {
		if (memcmp(&kc, &none, sizeof(kc)) || !diag.text[0])
			abort();
		diag_format(&diag, text, sizeof(text));
		return 0;
	}
	if (strncmp(kc.server, "https://", 8) || !kc.server[8] || strpbrk(kc.server, " \r\n@"))
		abort();
	/* paths are the fuzzer's: not opened */
	if (kc.token.data && (k8s_token_read(&kc.token, token) || strpbrk(token, " \r\n")))
		abort();
	kubeconfig_exit(&kc);
	return 0;
}
