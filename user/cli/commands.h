/* SPDX-License-Identifier: GPL-2.0 */
/* Every command there is; each cmd_*.c defines those of its name. */
#ifndef SLUICE_CLI_COMMANDS_H
#define SLUICE_CLI_COMMANDS_H

#include "cli.h"

extern const struct cli_command cmd_class_list;
extern const struct cli_command cmd_complete;
extern const struct cli_command cmd_drop_list;
extern const struct cli_command cmd_drop_summary;
extern const struct cli_command cmd_drop_watch;
extern const struct cli_command cmd_endpoint_list;
extern const struct cli_command cmd_endpoint_show;
extern const struct cli_command cmd_features;
extern const struct cli_command cmd_flow_flush;
extern const struct cli_command cmd_flow_list;
extern const struct cli_command cmd_help;
extern const struct cli_command cmd_node_list;
extern const struct cli_command cmd_policy_explain;
extern const struct cli_command cmd_policy_list;
extern const struct cli_command cmd_policy_show;
extern const struct cli_command cmd_monitor;
extern const struct cli_command cmd_rule_add;
extern const struct cli_command cmd_rule_del;
extern const struct cli_command cmd_rule_list;
extern const struct cli_command cmd_rule_show;
extern const struct cli_command cmd_service_list;
extern const struct cli_command cmd_service_show;
extern const struct cli_command cmd_status;
extern const struct cli_command cmd_table_delete;
extern const struct cli_command cmd_table_dump;
extern const struct cli_command cmd_table_insert;
extern const struct cli_command cmd_table_list;
extern const struct cli_command cmd_table_modify;
extern const struct cli_command cmd_table_set;
extern const struct cli_command cmd_transaction;
extern const struct cli_command cmd_version;
extern const struct cli_command cmd_whatif;

#endif
