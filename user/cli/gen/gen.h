/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makers of what describes the commands outside of the program: completions,
 * manual pages, and the table itself as JSON for the tests. Run by the build.
 */
#ifndef SLUICE_GEN_H
#define SLUICE_GEN_H

#include <stdio.h>

#include "cli/command.h"

/* Each writes one file to @f. */
void gen_bash(FILE *f);
void gen_zsh(FILE *f);
int gen_json(FILE *f);

/* sluice(1), and the page of one of the root's commands. */
void gen_man_root(FILE *f);
void gen_man_command(FILE *f, const struct cli_command *cmd);
/* sluiced(8), sluice-cni(8) */
void gen_man_sluiced(FILE *f);
void gen_man_cni(FILE *f);

#endif
