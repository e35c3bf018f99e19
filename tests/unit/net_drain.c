/* The end of a server as its clients see it: real sockets, whose line the system keeps. */
#include "check.h"

#include "net/server.h"

#include <sys/socket.h>
#include <unistd.h>

static size_t body_max(void *ctx UNUSED, const struct http_request *r UNUSED)
{
	return 0;
}

static void answer(void *ctx, struct http_request *r, void **of_request)
{
	*of_request = ctx;
	reply_send(r, 200, NULL, 0, LIT("here"));
}

static void nothing(void *ctx UNUSED, void *of_request UNUSED)
{
}

static void gone(void *ctx UNUSED, void *of_request UNUSED, enum rc why UNUSED)
{
}

static struct slice refuse(void *ctx UNUSED, struct arena *a UNUSED, struct slice path UNUSED,
			   unsigned status UNUSED, const char *id UNUSED,
			   struct slice *type UNUSED)
{
	return LIT("no");
}

static const struct http_handler handler = { body_max, answer, nothing, gone, refuse };

static void all_gone(void *ctx)
{
	loop_stop(ctx);
}

/* As far as their clients know they are connected: to close on them would lose requests. */
static void those_that_wait_in_line_are_answered(void **state UNUSED)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
	const struct http_server_limits limits = { 0 };
	struct http_server *s;
	struct err err = { 0 };
	struct address at;
	struct loop *l;
	int fd[50];

	CHECK_RC(loop_new(&l, &err), OK);
	CHECK_RC(http_server_new(&s, l, &limits, &handler, l, NULL, &err), OK);
	CHECK_RC(address_read(&at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(http_server_listen(s, &at, NULL, &err), OK);
	http_server_address(s, 0, &at);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(fd[i], (const struct sockaddr *)(const void *)at.bytes, at.len) ==
		      0);
		CHECK(send(fd[i], ask, sizeof(ask) - 1, 0) == sizeof(ask) - 1);
	}
	http_server_drain(s, all_gone, l);
	loop_run(l);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		char got[1024] = "";

		CHECK(recv(fd[i], got, sizeof(got) - 1, 0) > 0);
		CHECK(slice_find(slice_cstr(got), LIT("Connection: close\r\n")) != SLICE_NONE);
		CHECK(slice_ends(slice_cstr(got), LIT("here")));
		close(fd[i]);
	}
	http_server_free(s);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_wait_in_line_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
