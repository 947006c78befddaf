// SPDX-License-Identifier: GPL-2.0
/*
 * stepper PID - lets a process write to BPF maps one call at a time
 *
 * Says "+" on stdout once nothing escapes it any more, and "." after each bpf()
 * call of the thread PID that changes entries of a map, and lets it go on by a
 * byte of stdin. Ends with the thread, or at the end of stdin; when it ends, or
 * is killed, the thread goes on as if nothing had been. Exit 1: it can't be
 * traced, told on stderr.
 *
 * What is written without a call (memory that is mapped) is not seen.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_write(__u64 cmd)
{
	return cmd == BPF_MAP_UPDATE_ELEM || cmd == BPF_MAP_DELETE_ELEM ||
	       cmd == BPF_MAP_UPDATE_BATCH || cmd == BPF_MAP_DELETE_BATCH;
}

/* At a system call: has one that writes just returned? */
static bool wrote(pid_t pid, bool *writing)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		*writing = info.entry.nr == SYS_bpf && is_write(info.entry.args[0]);
		return false;
	}
	return info.op == PTRACE_SYSCALL_INFO_EXIT && *writing;
}

/* False: nobody is there any more who would say so. */
static bool ask(void)
{
	char c;

	return write(STDOUT_FILENO, ".", 1) == 1 && read(STDIN_FILENO, &c, 1) == 1;
}

/* Signals that are on their way get there; stops of the group's stay stops. */
static int signal_of(int status)
{
	int sig = WSTOPSIG(status);

	return status >> 16 || sig == (SIGTRAP | 0x80) ? 0 : sig;
}

static int trace(pid_t pid)
{
	bool writing = false, begun = false;
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		if (!begun && write(STDOUT_FILENO, "+", 1) != 1)
			return 0;
		begun = true;
		if (status >> 8 == (SIGTRAP | 0x80) && wrote(pid, &writing) && !ask())
			return 0;
		ptrace(status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP ?
		       PTRACE_LISTEN : PTRACE_SYSCALL, pid, 0, signal_of(status));
	}
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid = argc == 2 ? atoi(argv[1]) : 0;

	if (pid <= 0) {
		fprintf(stderr, "usage: stepper PID\n");
		return 2;
	}
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) ||
	    ptrace(PTRACE_INTERRUPT, pid, 0, 0)) {
		fprintf(stderr, "stepper: %d: %s\n", pid, strerror(errno));
		return 1;
	}
	return trace(pid);
}
