// SPDX-License-Identifier: GPL-2.0
/* Writes every generated file below the directory that it is given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gen.h"

static void fail(const char *what)
{
	fprintf(stderr, "gen: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make_dir(const char *root, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	if (mkdir(path, 0755) && errno != EEXIST)
		fail(path);
}

static FILE *create(const char *root, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "w");
	if (!f)
		fail(path);
	return f;
}

static void finish(FILE *f, const char *name)
{
	if (ferror(f) || fclose(f))
		fail(name);
}

static void write_page(const char *root, const struct cli_command *cmd)
{
	char name[64];
	FILE *f;

	snprintf(name, sizeof(name), cmd == &cli_root ? "man/man1/%s.1" : "man/man1/sluice-%s.1",
		 cmd->name);
	f = create(root, name);
	if (cmd == &cli_root)
		gen_man_root(f);
	else
		gen_man_command(f, cmd);
	finish(f, name);
}

static void write_file(const char *root, const char *name, void (*gen)(FILE *f))
{
	FILE *f = create(root, name);

	gen(f);
	finish(f, name);
}

int main(int argc, char **argv)
{
	static const char *const dirs[] = { "bash", "zsh", "man", "man/man1", "man/man8" };
	const char *root = argv[1];
	FILE *f;

	if (argc != 2) {
		fprintf(stderr, "usage: gen DIRECTORY\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		make_dir(root, dirs[i]);
	write_file(root, "bash/sluice", gen_bash);
	write_file(root, "zsh/_sluice", gen_zsh);
	write_file(root, "man/man8/sluiced.8", gen_man_sluiced);
	write_file(root, "man/man8/sluice-cni.8", gen_man_cni);
	write_page(root, &cli_root);
	for (size_t i = 0; cli_root.sub[i]; i++)
		if (!cli_root.sub[i]->hidden)
			write_page(root, cli_root.sub[i]);
	f = create(root, "commands.json");
	if (gen_json(f))
		fail("commands.json");
	finish(f, "commands.json");
	return 0;
}
