/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Libraries that are loaded when what they are for is asked for: those that
 * are large, of features that most daemons do without.
 */
#ifndef SLUICE_DL_H
#define SLUICE_DL_H

#include <stddef.h>

/*
 * dl_load() - load a library and look up functions
 * @names: of the functions, @n of them
 * @funcs: their addresses, in the order of @names; all NULL on error
 *
 * It stays loaded. -ENOENT: it is not installed, or lacks one; logged.
 */
int dl_load(const char *soname, const char *const *names, void **funcs, size_t n);

/*
 * ELF has no word for "needed, but not always": this note has, for whoever
 * packs programs (https://systemd.io/ELF_DLOPEN_METADATA/).
 */
#define DL_NOTE_TEXT(soname, feature, description)                    \
	"[{\"soname\":[\"" soname "\"],\"feature\":\"" feature "\","     \
	"\"description\":\"" description "\"}]"

#define DL_NOTE(soname, feature, description)                                       \
	__attribute__((used, section(".note.dlopen"), aligned(4)))                      \
	static const struct {                                                           \
		unsigned int name_len, text_len, type;                                  \
		char name[4];                                                           \
		_Alignas(4) char text[sizeof(DL_NOTE_TEXT(soname, feature, description))]; \
	} dl_note = {                                                                   \
		sizeof(dl_note.name), sizeof(dl_note.text), 0x407c0c0a, "FDO",          \
		DL_NOTE_TEXT(soname, feature, description),                             \
	}

#endif
