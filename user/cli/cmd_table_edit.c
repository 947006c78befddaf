// SPDX-License-Identifier: GPL-2.0
/*
 * sluice table insert, modify, set, delete: entries of any table, field by
 * field, from nothing but the table's description in libsluice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "edit.h"

#define FIELDS_MAX	64

/* An entry while its fields are read: name=text, one after another. */
struct entry {
	const struct sluice_table *t;
	_Alignas(8) unsigned char key[64];
	_Alignas(8) unsigned char value[512];
	const struct sluice_field *seen[FIELDS_MAX];
	size_t nseen;
};

static const struct sluice_field *find(const struct sluice_field *f, const char *name, size_t len)
{
	for (; f->name; f++)
		if (strlen(f->name) == len && !strncmp(f->name, name, len))
			return f;
	return NULL;
}

static bool seen(const struct entry *e, const struct sluice_field *f)
{
	for (size_t i = 0; i < e->nseen; i++)
		if (e->seen[i] == f)
			return true;
	return false;
}

/* "verdict: 'x' is none of deny, allow, ports" */
static int bad_value(const struct sluice_field *f, const char *text, int err, char *why)
{
	static const char *const wants[] = {
		[SLUICE_FMT_UINT] = "a number",
		[SLUICE_FMT_BE] = "a number",
		[SLUICE_FMT_HEX] = "a number",
		[SLUICE_FMT_ADDR] = "an IPv4 or IPv6 address",
		[SLUICE_FMT_MAC] = "a MAC address",
		[SLUICE_FMT_PREFIX] = "an IPv4 or IPv6 prefix without host bits",
		[SLUICE_FMT_BYTES] = "hexadecimal digits, two a byte",
		[SLUICE_FMT_PROTO] = "a protocol",
	};
	size_t n;

	if (err == -ERANGE) {
		snprintf(why, CLI_WHY, "%s: '%.100s' is more than %u bytes hold", f->name, text,
			 f->size);
		return -EINVAL;
	}
	if (f->fmt != SLUICE_FMT_ENUM) {
		snprintf(why, CLI_WHY, "%s: '%.100s' is not %s", f->name, text, wants[f->fmt]);
		return -EINVAL;
	}
	n = snprintf(why, CLI_WHY, "%s: '%.100s' is none of ", f->name, text);
	for (size_t i = 0; f->names[i] && n < CLI_WHY; i++)
		n += snprintf(why + n, CLI_WHY - n, "%s%s", i ? ", " : "", f->names[i]);
	return -EINVAL;
}

/* What is always so may be said, so that what was dumped can be written. */
static int take_origin(const char *text, char *why)
{
	if (!strcmp(text, "admin"))
		return 0;
	snprintf(why, CLI_WHY, "origin: what is written by hand is the administrator's");
	return -EPERM;
}

static int take_field(struct entry *e, const char *word, bool values, char *why)
{
	const char *text = strchr(word, '=');
	const struct sluice_field *key, *f;
	int err;

	if (!text) {
		snprintf(why, CLI_WHY, "'%.100s' is no FIELD=VALUE", word);
		return -EINVAL;
	}
	key = find(e->t->key, word, text - word);
	f = key ? key : values ? find(e->t->value, word, text - word) : NULL;
	text++;
	if (!f) {
		snprintf(why, CLI_WHY, "table %s has no %sfield '%.*s': see 'sluice table list'",
			 e->t->name, values ? "" : "match ", (int)(text - word - 1 < 100 ?
			 text - word - 1 : 100), word);
		return -EINVAL;
	}
	if (seen(e, f) || e->nseen == FIELDS_MAX) {
		snprintf(why, CLI_WHY, "%s: is there twice", f->name);
		return -EINVAL;
	}
	e->seen[e->nseen++] = f;
	if (!key && f->offset == sluice_table_origin(e->t))
		return take_origin(text, why);
	err = sluice_field_parse(f, text, key ? e->key : e->value);
	return err ? bad_value(f, text, err, why) : 0;
}

static int take_fields(struct entry *e, const struct cli_line *line, bool values, char *why)
{
	const struct sluice_field *f;
	int err = 0;

	e->t = sluice_table_find(line->args[0]);
	if (e->t->key_size > sizeof(e->key) || e->t->value_size > sizeof(e->value)) {
		snprintf(why, CLI_WHY, "table %s is not written by hand", e->t->name);
		return -EPERM;
	}
	for (size_t i = 1; !err && i < line->nargs; i++)
		err = take_field(e, line->args[i], values, why);
	for (f = e->t->key; !err && f->name; f++) {
		if (seen(e, f))
			continue;
		snprintf(why, CLI_WHY, "%s: match field is missing", f->name);
		err = -EINVAL;
	}
	return err;
}

typedef int (*write_fn)(struct sluice_txn *, const struct sluice_table *, const void *,
			const void *);

static int queue_write(struct cli *cli, struct sluice_txn *txn, write_fn fn, char *why)
{
	struct entry e = { 0 };
	int err = take_fields(&e, cli->line, true, why);

	if (err)
		return err;
	err = fn(txn, e.t, e.key, e.value);
	return err ? edit_why(txn, err, why) : 0;
}

static int queue_insert(struct cli *cli, struct sluice_txn *txn, char *why)
{
	return queue_write(cli, txn, sluice_entry_insert, why);
}

static int queue_modify(struct cli *cli, struct sluice_txn *txn, char *why)
{
	return queue_write(cli, txn, sluice_entry_modify, why);
}

static int queue_set(struct cli *cli, struct sluice_txn *txn, char *why)
{
	return queue_write(cli, txn, sluice_entry_set, why);
}

static int queue_delete(struct cli *cli, struct sluice_txn *txn, char *why)
{
	struct entry e = { 0 };
	int err = take_fields(&e, cli->line, false, why);

	if (err)
		return err;
	err = sluice_entry_delete(txn, e.t, e.key);
	return err ? edit_why(txn, err, why) : 0;
}

#define FIELDS_TEXT \
	"Fields have the names that 'sluice table list -o json' gives. All match fields are to be " \
	"said; a value field that is not is zero, or the first of its words.\n" \
	"\n" \
	"What is written by hand is marked as the administrator's: the daemon leaves it alone, " \
	"whatever it restarts or reconciles. Entries of the daemon's can't be changed here. " \
	"Writable are 'route', 'rule' in rule sets whose id has bit 29, 'port' in port sets whose " \
	"id has bit 31."

static const struct cli_arg write_args[] = {
	{ .metavar = "NAME", .type = CLI_TABLE, .help = "name of the table" },
	{ .metavar = "FIELD=VALUE", .type = CLI_WORD, .repeat = true,
	  .help = "match fields and value fields" },
	{ .metavar = NULL },
};

static const struct cli_arg delete_args[] = {
	{ .metavar = "NAME", .type = CLI_TABLE, .help = "name of the table" },
	{ .metavar = "FIELD=VALUE", .type = CLI_WORD, .repeat = true, .help = "match fields" },
	{ .metavar = NULL },
};

const struct cli_command cmd_table_insert = {
	.name = "insert",
	.summary = "Write an entry whose key is not in use",
	.text = FIELDS_TEXT,
	.args = write_args,
	.keys = edit_keys,
	.examples = (const struct cli_example[]){
		{ "table insert route prefix=192.0.2.0/24 kind=outside",
		  "pods reach a range by the node's routes, masqueraded" },
		{ "table insert port prefixlen=56 ports=0x80000001 proto=tcp port=443 "
		  "verdict=allow", "a port set of the administrator's" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_RESULT,
	.run = edit_run,
	.queue = queue_insert,
};

const struct cli_command cmd_table_modify = {
	.name = "modify",
	.summary = "Change an entry that is there and the administrator's",
	.text = FIELDS_TEXT,
	.args = write_args,
	.keys = edit_keys,
	.shape = CLI_SHAPE_RESULT,
	.run = edit_run,
	.queue = queue_modify,
};

const struct cli_command cmd_table_set = {
	.name = "set",
	.summary = "Write an entry, whether its key is in use or not",
	.text = FIELDS_TEXT,
	.args = write_args,
	.keys = edit_keys,
	.shape = CLI_SHAPE_RESULT,
	.run = edit_run,
	.queue = queue_set,
};

const struct cli_command cmd_table_delete = {
	.name = "delete",
	.summary = "Delete an entry",
	.text = "Entries of writable tables, when they are the administrator's; those of 'flow', "
		"'half', 'frag' and 'drop_rule' whoever wrote them.",
	.args = delete_args,
	.keys = edit_keys,
	.examples = (const struct cli_example[]){
		{ "table delete route prefix=192.0.2.0/24", "take a range back" },
		{ .args = NULL } },
	.shape = CLI_SHAPE_RESULT,
	.run = edit_run,
	.queue = queue_delete,
};
