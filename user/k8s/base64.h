/* SPDX-License-Identifier: GPL-2.0 */
/* Base64 with padding (RFC 4648, section 4), as kubeconfigs carry secrets. */
#ifndef SLUICE_K8S_BASE64_H
#define SLUICE_K8S_BASE64_H

#include <stddef.h>

/*
 * Decodes @s; line ends inside are left out. *@out gets a NUL after its *@len
 * bytes and is the caller's to free. -EINVAL: a foreign character, bits that
 * mean nothing, or a length that is none. -ENOMEM.
 */
int base64_decode(const char *s, char **out, size_t *len);

#endif
