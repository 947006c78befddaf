/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the plugin reads, said once: printed for a person who runs it by hand,
 * and made into its manual page.
 */
#ifndef SLUICE_CNI_DOC_H
#define SLUICE_CNI_DOC_H

enum cni_doc_kind {
	CNI_DOC_ENVIRONMENT,
	CNI_DOC_CONFIGURATION,		/* keys of the network configuration */
	CNI_DOC_CODE,			/* codes of errors, ours and those with a special sense */
	__CNI_DOC_MAX,
};

struct cni_doc {
	enum cni_doc_kind kind;
	const char *name, *text;
};

/* End: name NULL. */
extern const struct cni_doc cni_docs[];
extern const char *const cni_doc_titles[__CNI_DOC_MAX];
extern const char cni_doc_summary[], cni_doc_about[];

#endif
