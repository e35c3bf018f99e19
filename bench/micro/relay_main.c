/* bench/micro/relay_main.c -- what net/ costs by itself: a plain HTTP proxy on one loop.
 *
 *   bench_relay LISTEN-HOST:PORT http://ORIGIN [--whole]
 */
#include "relay.h"

static int usage(const char *why)
{
	fprintf(stderr, "bench_relay: %s\n", why);
	return 2;
}

int main(int argc, char **argv)
{
	struct relay relay = { .whole = argc == 4 };
	struct err err = { 0 };
	struct address at;
	struct slice host;
	uint16_t port = 0;
	struct loop *l;

	if (argc < 3)
		return usage("LISTEN-HOST:PORT and http://ORIGIN are needed");
	if (url_host_port(slice_cstr(argv[1]), &host, &port, &err) != OK ||
	    address_read(&at, host, port) != OK)
		return usage("the address to listen on must be numbers");
	if (loop_new(&l, &err) != OK ||
	    relay_begin(&relay, l, &at, slice_cstr(argv[2]), &err) != OK)
		return usage(err.text);
	loop_run(l);
	relay_end(&relay);
	loop_free(l);
	return 0;
}
