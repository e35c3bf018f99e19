/* bench/start.c -- how long from exec until a program answers its first request with 200.
 *
 *   bench_start HOST:PORT CPU RUNS -- PROGRAM ARGUMENT...
 *
 * Starts the program RUNS times, pinned to CPU, asks for a chat completion over and over on
 * new connections until one is answered with 200, stops it.  Prints a JSON array of
 * microseconds.
 */
#include "common.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const char request[] =
	"POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: "
	"application/json\r\n"
	"Connection: close\r\nContent-Length: 65\r\n\r\n"
	"{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":\"hello!\"}]}";

static bool answers(const struct sockaddr_in *to)
{
	struct timeval limit = { .tv_sec = 2 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char got[16];
	bool yes;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	yes = connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 &&
	      send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
	      recv(fd, got, sizeof(got), MSG_WAITALL) == (ssize_t)sizeof(got) &&
	      memcmp(got + 9, "200", 3) == 0;
	close(fd);
	return yes;
}

static void stop(pid_t pid)
{
	kill(pid, SIGTERM);
	for (int i = 0; i < 3000; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static double run(const struct sockaddr_in *to, int cpu, char **program, uint64_t *exec_at)
{
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
	uint64_t limit, end = 0;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(quiet, STDOUT_FILENO); /* what it says is not ours */
		sched_setaffinity(0, sizeof(set), &set);
		*exec_at = now_ns();
		execv(program[0], program);
		_exit(127);
	}
	close(quiet);
	limit = now_ns() + 10ULL * NS_PER_S;
	while (end == 0 && now_ns() < limit) {
		if (answers(to))
			end = now_ns();
		else if (waitpid(pid, NULL, WNOHANG) == pid)
			die("%s ended before it answered", program[0]);
	}
	stop(pid);
	if (end == 0)
		die("%s did not answer", program[0]);
	return (double)(end - *exec_at) / NS_PER_US;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to;
	uint64_t *exec_at;
	long runs;

	errno = 0;
	if (argc < 6 || strcmp(argv[4], "--") != 0)
		die("usage: bench_start HOST:PORT CPU RUNS -- PROGRAM ARGUMENT...");
	to = address(argv[1]);
	runs = strtol(argv[3], NULL, 10);
	/* The child says when it was about to exec. */
	exec_at = mmap(NULL, sizeof(*exec_at), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (exec_at == MAP_FAILED)
		die("mmap");
	printf("[");
	for (long i = 0; i < runs; i++) {
		printf("%s%.0f", i > 0 ? "," : "",
		       run(&to, (int)strtol(argv[2], NULL, 10), argv + 5, exec_at));
		fflush(stdout);
	}
	printf("]\n");
	return 0;
}
