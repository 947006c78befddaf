// SPDX-License-Identifier: GPL-2.0
/* sluice, the command line. Everything but this line is a library, for the tests. */
#include "cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
