// SPDX-License-Identifier: GPL-2.0
/* sluiced.yaml: what is refused has a place and words and changes nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config cfg, before;
	struct diag diag;
	char text[1024];

	memset(&cfg, 0, sizeof(cfg));
	before = cfg;
	if (!config_parse_yaml(&cfg, "f", (const char *)data, size, &diag)) {
		config_reload(&before, &cfg);
		return 0;
	}
	if (memcmp(&cfg, &before, sizeof(cfg)) || !diag.text[0] || diag.line < 1)
		abort();
	diag_format(&diag, text, sizeof(text));
	return 0;
}
