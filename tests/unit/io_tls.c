/* Both sides of TLS joined in memory. */
#include "check.h"

#include "cert.h"
#include "io/files.h"
#include "io/tls.h"

#include <pthread.h>
#include <unistd.h>

#include <openssl/err.h>

/* One authority and its certificate for localhost serve most tests. */
static int setup(void **state)
{
	struct cert *c = calloc(2, sizeof(*c));

	cert_make(&c[0], &(struct cert_spec){ .name = "test authority", .authority = true });
	cert_make(&c[1], &(struct cert_spec){ .name = "localhost",
					      .alt = "DNS:localhost,DNS:*.example.com,"
						     "IP:127.0.0.1,IP:::1",
					      .issuer = &c[0] });
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct cert *c = *state;

	cert_free(&c[0]);
	cert_free(&c[1]);
	free(c);
	return 0;
}

struct pair {
	struct tls_client *tc;
	struct tls_server *ts;
	struct tls *c, *s;
	size_t cut; /* bytes moved at a time */
	size_t to_server, to_client;
	size_t drop_after; /* the network takes no more than that to the client; 0: all */
};

static void settings(struct pair *p, const struct cert *ca, const struct cert *leaf)
{
	const struct tls_client_options co = { .ca_file = slice_cstr(ca->cert_file),
					       .alpn = LIT("http/1.1") };
	const struct tls_server_options so = { .cert_file = slice_cstr(leaf->cert_file),
					       .key_file = slice_cstr(leaf->key_file),
					       .alpn = LIT("http/1.1") };
	struct err err = { 0 };

	*p = (struct pair){ .cut = 65536 };
	CHECK_RC(tls_client_new(&p->tc, &co, &err), OK);
	CHECK_RC(tls_server_new(&p->ts, &so, &err), OK);
}

static void open_both(struct pair *p, const char *name)
{
	struct err err = { 0 };

	CHECK_RC(tls_open_client(&p->c, p->tc, slice_cstr(name), system_mem(), &err), OK);
	CHECK_RC(tls_open_server(&p->s, p->ts, system_mem(), &err), OK);
}

static void close_both(struct pair *p)
{
	tls_close(p->c);
	tls_close(p->s);
	p->c = p->s = NULL;
	CHECK(ERR_peek_error() == 0);
}

static void done(struct pair *p)
{
	tls_client_free(p->tc);
	tls_server_free(p->ts);
}

/* True when something was moved. */
static bool move(struct pair *p, struct tls *from, struct tls *to, size_t *count)
{
	char bytes[65536];
	size_t n = tls_take(from, bytes, size_min(p->cut, sizeof(bytes)));

	CHECK(n <= p->cut);
	if (n > 0)
		CHECK(tls_put(to, slice_of(bytes, n)));
	*count += n;
	return n > 0;
}

/* Runs both handshakes; what the client and the server came to. */
static void shake(struct pair *p, enum tls_step *c, enum tls_step *s, struct err *ce,
		  struct err *se)
{
	bool moved = true;

	*c = *s = TLS_MORE;
	while (moved) {
		if (*c == TLS_MORE)
			*c = tls_handshake(p->c, ce);
		moved = move(p, p->c, p->s, &p->to_server);
		if (*s == TLS_MORE)
			*s = tls_handshake(p->s, se);
		moved |= move(p, p->s, p->c, &p->to_client);
	}
	CHECK(ERR_peek_error() == 0);
}

static void shake_well(struct pair *p)
{
	struct err ce = { 0 }, se = { 0 };
	enum tls_step c, s;

	shake(p, &c, &s, &ce, &se);
	CHECK_INT(c, TLS_READY);
	CHECK_INT(s, TLS_READY);
}

/* Moves what is there and reads all of it. */
static size_t receive(struct pair *p, struct tls *from, struct tls *to, char *room, size_t n)
{
	struct err err = { 0 };
	size_t at = 0, count = 0;

	for (bool moved = true; moved;) {
		size_t got = 0;

		moved = move(p, from, to, &count);
		while (at < n && tls_read(to, room + at, n - at, &got, &err) == TLS_READY)
			at += got;
		CHECK_RC(err.rc, OK);
	}
	return at;
}

static void a_handshake_and_bytes_both_ways(void **state)
{
	struct cert *certs = *state;
	struct err err = { 0 };
	struct pair p;
	char room[64];
	size_t n;

	settings(&p, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	shake_well(&p);
	CHECK_SLICE(tls_alpn(p.c), "http/1.1");
	CHECK_SLICE(tls_alpn(p.s), "http/1.1");
	CHECK_RC(tls_write(p.c, LIT("hello"), &err), OK);
	CHECK_RC(tls_write(p.c, LIT(""), &err), OK);
	CHECK_RC(tls_write(p.c, LIT(" there"), &err), OK);
	CHECK(tls_pending(p.c) > 11);
	n = receive(&p, p.c, p.s, room, sizeof(room));
	CHECK_INT(tls_pending(p.c), 0);
	CHECK_SLICE(slice_of(room, n), "hello there");
	CHECK_RC(tls_write(p.s, LIT("yes"), &err), OK);
	n = receive(&p, p.s, p.c, room, 2); /* less room than bytes: the rest waits */
	CHECK_SLICE(slice_of(room, n), "ye");
	n = receive(&p, p.s, p.c, room, 2);
	CHECK_SLICE(slice_of(room, n), "s");
	close_both(&p);
	done(&p);
}

/* A reload may take a provider out of the config while a connection to it is being closed. */
static void settings_may_go_before_their_connections(void **state)
{
	struct cert *certs = *state;
	struct pair p;
	char room[8];

	settings(&p, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	tls_client_free(p.tc);
	p.tc = NULL;
	shake_well(&p);
	(void)receive(&p, p.s, p.c, room, sizeof(room)); /* tickets, which are kept */
	close_both(&p);
	done(&p);
}

static void any_cut_of_the_network_gives_the_same(void **state)
{
	static const size_t cuts[] = { 1, 2, 5, 6, 97, 1000 };
	struct cert *certs = *state;
	struct err err = { 0 };
	char room[8192], text[5000];
	struct pair p;

	memset(text, 'x', sizeof(text));
	settings(&p, &certs[0], &certs[1]);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		p.cut = cuts[i];
		open_both(&p, "localhost");
		shake_well(&p);
		CHECK_RC(tls_write(p.c, slice_of(text, sizeof(text)), &err), OK);
		CHECK_INT(receive(&p, p.c, p.s, room, sizeof(room)), sizeof(text));
		CHECK(memcmp(room, text, sizeof(text)) == 0);
		CHECK_RC(tls_write(p.s, LIT("ok"), &err), OK);
		CHECK_INT(receive(&p, p.s, p.c, room, sizeof(room)), 2);
		close_both(&p);
	}
	done(&p);
}

static void a_megabyte_passes_and_memory_is_given_back(void **state)
{
	enum { TOTAL = 1 << 20 };
	struct cert *certs = *state;
	char *text = malloc(TOTAL), *room = malloc(TOTAL);
	struct err err = { 0 };
	struct test_mem mem;
	struct pair p;
	size_t idle;

	for (size_t i = 0; i < TOTAL; i++)
		text[i] = (char)(i * 2654435761u >> 9);
	settings(&p, &certs[0], &certs[1]);
	test_mem_init(&mem, 0);
	CHECK_RC(tls_open_client(&p.c, p.tc, LIT("localhost"), &mem.mem, &err), OK);
	CHECK_RC(tls_open_server(&p.s, p.ts, &mem.mem, &err), OK);
	idle = mem.live;
	shake_well(&p);
	CHECK_RC(tls_write(p.c, slice_of(text, TOTAL), &err), OK);
	CHECK(mem.live > idle + TOTAL);
	CHECK_INT(receive(&p, p.c, p.s, room, TOTAL), TOTAL);
	CHECK(memcmp(room, text, TOTAL) == 0);
	CHECK(mem.live <= idle + 4096);
	CHECK(idle <= 4096);
	close_both(&p);
	CHECK_INT(mem.live, 0);
	done(&p);
	free(text);
	free(room);
}

static void more_than_the_limit_is_refused_whole(void **state)
{
	enum { TOTAL = 5 << 20 };
	struct cert *certs = *state;
	char *text = calloc(1, TOTAL);
	struct err err = { 0 };
	struct pair p;
	char room[16];

	settings(&p, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	shake_well(&p);
	CHECK_RC(tls_write(p.c, slice_of(text, TOTAL), &err), E_TOOBIG);
	CHECK_INT(tls_pending(p.c), 0);
	err_clear(&err);
	CHECK_RC(tls_write(p.c, LIT("still well"), &err), OK);
	CHECK_INT(receive(&p, p.c, p.s, room, sizeof(room)), 10);
	close_both(&p);
	done(&p);
	free(text);
}

/* What the client says about a certificate. */
static void refused(const struct cert *ca, const struct cert *leaf, const char *name,
		    const char *why)
{
	struct err ce = { 0 }, se = { 0 };
	enum tls_step c, s;
	struct pair p;

	settings(&p, ca, leaf);
	open_both(&p, name);
	shake(&p, &c, &s, &ce, &se);
	CHECK_INT(c, TLS_ERROR);
	CHECK_INT(s, TLS_ERROR);
	CHECK_RC(ce.rc, E_TLS);
	CHECK_STR(ce.id, "tls.verify");
	CHECK(slice_find(slice_cstr(ce.text), slice_cstr(why)) != SLICE_NONE);
	CHECK(slice_find(slice_cstr(ce.text), slice_cstr(name)) != SLICE_NONE);
	/* The server learns from the alert. */
	CHECK_RC(se.rc, E_TLS);
	CHECK_STR(se.id, "tls.handshake");
	CHECK(slice_find(slice_cstr(se.text), LIT("the peer sent the alert")) != SLICE_NONE);
	/* It stays broken, and says the same. */
	err_clear(&ce);
	CHECK_INT(tls_handshake(p.c, &ce), TLS_ERROR);
	CHECK_STR(ce.id, "tls.verify");
	CHECK_RC(tls_write(p.c, LIT("x"), NULL), E_TLS);
	close_both(&p);
	done(&p);
}

static void a_certificate_that_is_not_right_is_refused(void **state)
{
	struct cert *certs = *state;
	struct cert other, expired, early, self, bare;

	cert_make(&other, &(struct cert_spec){ .name = "other authority", .authority = true });
	cert_make(&expired, &(struct cert_spec){ .name = "localhost",
						 .alt = "DNS:localhost",
						 .from_days = -10,
						 .to_days = -1,
						 .issuer = &certs[0] });
	cert_make(&early, &(struct cert_spec){ .name = "localhost",
					       .alt = "DNS:localhost",
					       .from_days = 5,
					       .to_days = 10,
					       .issuer = &certs[0] });
	cert_make(&self, &(struct cert_spec){ .name = "localhost", .alt = "DNS:localhost" });
	cert_make(&bare, &(struct cert_spec){ .name = "other.test",
					      .alt = "DNS:other.test",
					      .issuer = &certs[1] });
	refused(&certs[0], &certs[1], "example.org", "hostname mismatch");
	refused(&certs[0], &certs[1], "example.com", "hostname mismatch");
	refused(&certs[0], &certs[1], "a.b.example.com", "hostname mismatch");
	refused(&certs[0], &certs[1], "127.0.0.2", "IP address mismatch");
	refused(&other, &certs[1], "localhost", "self-signed certificate in certificate chain");
	refused(&certs[0], &expired, "localhost", "certificate has expired");
	refused(&certs[0], &early, "localhost", "certificate is not yet valid");
	refused(&certs[0], &self, "localhost", "self-signed certificate");
	/* Signed by one that is no authority. */
	refused(&certs[0], &bare, "other.test", "the certificate of other.test");
	cert_free(&other);
	cert_free(&expired);
	cert_free(&early);
	cert_free(&self);
	cert_free(&bare);
}

static void names_wildcards_and_addresses_match(void **state)
{
	static const char *const names[] = {
		"localhost", "LOCALHOST", "localhost.", "a.example.com",
		"127.0.0.1", "::1",       "[::1]",
	};
	struct cert *certs = *state;
	struct err err = { 0 };
	struct pair p;

	settings(&p, &certs[0], &certs[1]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		open_both(&p, names[i]);
		shake_well(&p);
		close_both(&p);
	}
	CHECK_RC(tls_open_client(&p.c, p.tc, LIT(""), system_mem(), &err), E_TLS);
	CHECK_STR(err.id, "tls.name");
	err_clear(&err);
	CHECK_RC(tls_open_client(&p.c, p.tc, LIT("a\0b"), system_mem(), &err), E_TLS);
	done(&p);
}

static void the_end_and_a_cut_are_told_apart(void **state)
{
	struct cert *certs = *state;
	struct err err = { 0 };
	struct pair p;
	char room[64];
	size_t got, count = 0;

	settings(&p, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	shake_well(&p);
	CHECK_RC(tls_write(p.s, LIT("last words"), &err), OK);
	tls_finish(p.s);
	while (move(&p, p.s, p.c, &count))
		;
	CHECK_INT(tls_read(p.c, room, sizeof(room), &got, &err), TLS_READY);
	CHECK_SLICE(slice_of(room, got), "last words");
	CHECK_INT(tls_read(p.c, room, sizeof(room), &got, &err), TLS_END);
	CHECK_INT(tls_read(p.c, room, sizeof(room), &got, &err), TLS_END);
	/* Our own direction is open still. */
	CHECK_RC(tls_write(p.c, LIT("bye"), &err), OK);
	CHECK_INT(receive(&p, p.c, p.s, room, sizeof(room)), 3);
	close_both(&p);

	open_both(&p, "localhost");
	shake_well(&p);
	CHECK_RC(tls_write(p.s, LIT("last words"), &err), OK);
	while (move(&p, p.s, p.c, &count))
		;
	CHECK_INT(tls_read(p.c, room, sizeof(room), &got, &err), TLS_READY);
	CHECK_INT(tls_read(p.c, room, sizeof(room), &got, &err), TLS_MORE); /* no END */
	close_both(&p);
	done(&p);
}

static void a_changed_byte_breaks_the_connection(void **state)
{
	struct cert *certs = *state;
	struct err err = { 0 };
	char bytes[256], room[64];
	struct pair p;
	size_t n, got, count = 0;

	settings(&p, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	shake_well(&p);
	CHECK_RC(tls_write(p.c, LIT("good"), &err), OK);
	while (move(&p, p.c, p.s, &count))
		;
	CHECK_RC(tls_write(p.c, LIT("bad"), &err), OK);
	n = tls_take(p.c, bytes, sizeof(bytes));
	bytes[n - 1] ^= 1;
	CHECK(tls_put(p.s, slice_of(bytes, n)));
	CHECK_INT(tls_read(p.s, room, sizeof(room), &got, &err), TLS_READY);
	CHECK_SLICE(slice_of(room, got), "good"); /* first what was right */
	CHECK_INT(tls_read(p.s, room, sizeof(room), &got, &err), TLS_ERROR);
	CHECK_RC(err.rc, E_TLS);
	CHECK_STR(err.id, "tls.read");
	/* The peer is told by an alert. */
	CHECK(move(&p, p.s, p.c, &count));
	err_clear(&err);
	while (tls_read(p.c, room, sizeof(room), &got, &err) == TLS_READY)
		;
	CHECK(slice_find(slice_cstr(err.text), LIT("bad record mac")) != SLICE_NONE);
	close_both(&p);
	done(&p);
}

static void a_peer_without_tls_is_recognised(void **state)
{
	struct cert *certs = *state;
	struct err err = { 0 };
	struct pair p;

	settings(&p, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	CHECK_INT(tls_handshake(p.c, &err), TLS_MORE);
	CHECK(tls_put(p.c, LIT("HTTP/1.1 400 Bad Request\r\n\r\n")));
	CHECK_INT(tls_handshake(p.c, &err), TLS_ERROR);
	CHECK_STR(err.id, "tls.handshake");
	CHECK_STR(err.text, "TLS handshake: the peer does not speak TLS");
	err_clear(&err);
	CHECK(tls_put(p.s, LIT("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
	CHECK_INT(tls_handshake(p.s, &err), TLS_ERROR);
	CHECK_STR(err.text, "TLS handshake: the peer does not speak TLS");
	close_both(&p);
	done(&p);
}

static void an_endless_handshake_is_ended(void **state)
{
	/* A record of type handshake that announces a message and never finishes it. */
	struct cert *certs = *state;
	struct err err = { 0 };
	enum tls_step step = TLS_MORE;
	struct pair p;
	size_t put = 0;

	settings(&p, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	while (step == TLS_MORE && put < 1 << 20) {
		/* Change cipher spec is ignored in TLS 1.3's handshake, one by one. */
		CHECK(tls_put(p.s, LIT("\x16\x03\x01\x00\x01\x01")));
		put += 6;
		step = tls_handshake(p.s, &err);
	}
	CHECK_INT(step, TLS_ERROR);
	CHECK(put < 300 << 10);
	close_both(&p);
	done(&p);
}

/* A resumed handshake sends no certificate: the server's part is far shorter. */
static void sessions_are_used_again_by_name(void **state)
{
	struct cert *certs = *state;
	struct pair p;
	char room[16];
	size_t first, second, other;

	settings(&p, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	shake_well(&p);
	first = p.to_client;
	receive(&p, p.s, p.c, room, sizeof(room)); /* the ticket comes after the handshake */
	close_both(&p);

	p.to_client = 0;
	open_both(&p, "localhost");
	shake_well(&p);
	second = p.to_client;
	receive(&p, p.s, p.c, room, sizeof(room));
	close_both(&p);
	CHECK(second + 400 < first);

	p.to_client = 0;
	open_both(&p, "a.example.com");
	shake_well(&p);
	other = p.to_client;
	close_both(&p);
	CHECK(other + 100 > first);

	/* More names than are kept. */
	for (int i = 0; i < 40; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%d.example.com", i);
		open_both(&p, name);
		shake_well(&p);
		receive(&p, p.s, p.c, room, sizeof(room));
		close_both(&p);
	}
	p.to_client = 0;
	open_both(&p, "n39.example.com");
	shake_well(&p);
	close_both(&p);
	CHECK(p.to_client + 400 < first);
	p.to_client = 0;
	open_both(&p, "localhost"); /* not used for longest: gone */
	shake_well(&p);
	close_both(&p);
	CHECK(p.to_client + 100 > first);
	done(&p);
}

/* A server that was restarted does not know the ticket: a full handshake, no failure. */
static void a_session_that_the_server_forgot_does_not_hurt(void **state)
{
	struct cert *certs = *state;
	struct pair p, q;
	char room[16];

	settings(&p, &certs[0], &certs[1]);
	settings(&q, &certs[0], &certs[1]);
	open_both(&p, "localhost");
	shake_well(&p);
	receive(&p, p.s, p.c, room, sizeof(room));
	close_both(&p);
	tls_server_free(p.ts);
	p.ts = q.ts;
	q.ts = NULL;
	open_both(&p, "localhost");
	shake_well(&p);
	close_both(&p);
	done(&p);
	done(&q);
}

static void wrong_files_are_named_at_start(void **state)
{
	struct cert *certs = *state;
	struct cert other;
	struct tls_client *tc = NULL;
	struct tls_server *ts = NULL;
	struct err err = { 0 };
	struct tls_server_options so = { .cert_file = LIT("/nowhere/cert.pem"),
					 .key_file = slice_cstr(certs[1].key_file) };

	CHECK_RC(tls_client_new(&tc,
				&(struct tls_client_options){ .ca_file = LIT("/nowhere/ca") },
				&err),
		 E_TLS);
	CHECK_STR(err.id, "tls.ca");
	CHECK(slice_find(slice_cstr(err.text), LIT("/nowhere/ca")) != SLICE_NONE);
	CHECK(slice_find(slice_cstr(err.text), LIT("No such file")) != SLICE_NONE);
	err_clear(&err);
	/* A key is no certificate. */
	CHECK_RC(tls_client_new(&tc,
				&(struct tls_client_options){
					.ca_file = slice_cstr(certs[1].key_file) },
				&err),
		 E_TLS);
	err_clear(&err);
	CHECK_RC(tls_server_new(&ts, &so, &err), E_TLS);
	CHECK_STR(err.id, "tls.certificate");
	CHECK(slice_find(slice_cstr(err.text), LIT("/nowhere/cert.pem")) != SLICE_NONE);
	err_clear(&err);
	so.cert_file = slice_cstr(certs[1].cert_file);
	so.key_file = slice_cstr(certs[1].cert_file);
	CHECK_RC(tls_server_new(&ts, &so, &err), E_TLS);
	CHECK_STR(err.id, "tls.key");
	err_clear(&err);
	cert_make(&other, &(struct cert_spec){ .name = "x" });
	so.key_file = slice_cstr(other.key_file);
	CHECK_RC(tls_server_new(&ts, &so, &err), E_TLS);
	CHECK_STR(err.id, "tls.key");
	cert_free(&other);
	CHECK(tc == NULL && ts == NULL);
	CHECK(ERR_peek_error() == 0);
}

static void the_authorities_of_the_environment_are_used(void **state)
{
	struct cert *certs = *state;
	struct err err = { 0 }, ce = { 0 }, se = { 0 };
	struct tls_client *system = NULL;
	enum tls_step c, s;
	struct pair p;

	settings(&p, &certs[0], &certs[1]);
	tls_client_free(p.tc);
	setenv("SSL_CERT_FILE", certs[0].cert_file, 1);
	CHECK_RC(tls_client_new(&p.tc, &(struct tls_client_options){ 0 }, &err), OK);
	open_both(&p, "localhost");
	shake_well(&p);
	CHECK_INT(tls_alpn(p.c).n, 0); /* none was asked for */
	close_both(&p);
	unsetenv("SSL_CERT_FILE");
	tls_client_free(p.tc);
	CHECK_RC(tls_client_new(&system, &(struct tls_client_options){ 0 }, &err), OK);
	p.tc = system;
	open_both(&p, "localhost");
	shake(&p, &c, &s, &ce, &se);
	CHECK_INT(c, TLS_ERROR);
	CHECK_STR(ce.id, "tls.verify");
	close_both(&p);
	done(&p);
}

struct racer {
	pthread_t thread;
	struct pair p;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct pair *p = &r->p;

	for (int i = 0; i < 15; i++) {
		char room[16];

		open_both(p, i % 3 == 0 ? "localhost" : "a.example.com");
		shake_well(p);
		receive(p, p->s, p->c, room, sizeof(room));
		close_both(p);
	}
	return NULL;
}

static void loops_share_settings_and_sessions(void **state)
{
	enum { THREADS = 3 };
	struct cert *certs = *state;
	struct racer r[THREADS];
	struct err err = { 0 };

	settings(&r[0].p, &certs[0], &certs[1]);
	/* Made by whoever comes first. */
	tls_client_free(r[0].p.tc);
	setenv("SSL_CERT_FILE", certs[0].cert_file, 1);
	CHECK_RC(tls_client_new(&r[0].p.tc, &(struct tls_client_options){ 0 }, &err), OK);
	for (int i = 0; i < THREADS; i++) {
		r[i].p = r[0].p;
		CHECK(pthread_create(&r[i].thread, NULL, race, &r[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(r[i].thread, NULL);
	unsetenv("SSL_CERT_FILE");
	done(&r[0].p);
}

/* Our own memory at every point; what OpenSSL takes for itself is not ours to fail. */
static void one_connection(struct test_mem *mem)
{
	struct err ce = { 0 }, se = { 0 };
	enum tls_step c = TLS_ERROR, s = TLS_ERROR;
	struct pair p;
	struct cert ca, leaf;
	static const struct cert_spec ca_spec = { .name = "a", .authority = true };

	cert_make(&ca, &ca_spec);
	cert_make(&leaf, &(struct cert_spec){
				 .name = "localhost", .alt = "DNS:localhost", .issuer = &ca });
	settings(&p, &ca, &leaf);
	if (tls_open_client(&p.c, p.tc, LIT("localhost"), &mem->mem, &ce) == OK &&
	    tls_open_server(&p.s, p.ts, &mem->mem, &se) == OK) {
		bool moved = true;

		c = s = TLS_MORE;
		while (moved) {
			char bytes[4096];
			size_t n;

			if (c == TLS_MORE)
				c = tls_handshake(p.c, &ce);
			n = tls_take(p.c, bytes, sizeof(bytes));
			moved = n > 0;
			if (n > 0 && !tls_put(p.s, slice_of(bytes, n)))
				break;
			if (s == TLS_MORE)
				s = tls_handshake(p.s, &se);
			n = tls_take(p.s, bytes, sizeof(bytes));
			moved |= n > 0;
			if (n > 0 && !tls_put(p.c, slice_of(bytes, n)))
				break;
		}
		if (c == TLS_READY && tls_write(p.c, LIT("x"), &ce) != OK)
			CHECK(mem->failed);
	}
	if (ce.rc == E_NOMEM || se.rc == E_NOMEM)
		CHECK(mem->failed);
	if (!mem->failed)
		CHECK(c == TLS_READY && s == TLS_READY && ce.rc == OK);
	close_both(&p);
	done(&p);
	cert_free(&ca);
	cert_free(&leaf);
}

static void running_out_of_memory_is_told_and_leaks_nothing(void **state UNUSED)
{
	sweep(one_connection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_and_bytes_both_ways),
		cmocka_unit_test(settings_may_go_before_their_connections),
		cmocka_unit_test(any_cut_of_the_network_gives_the_same),
		cmocka_unit_test(a_megabyte_passes_and_memory_is_given_back),
		cmocka_unit_test(more_than_the_limit_is_refused_whole),
		cmocka_unit_test(a_certificate_that_is_not_right_is_refused),
		cmocka_unit_test(names_wildcards_and_addresses_match),
		cmocka_unit_test(the_end_and_a_cut_are_told_apart),
		cmocka_unit_test(a_changed_byte_breaks_the_connection),
		cmocka_unit_test(a_peer_without_tls_is_recognised),
		cmocka_unit_test(an_endless_handshake_is_ended),
		cmocka_unit_test(sessions_are_used_again_by_name),
		cmocka_unit_test(a_session_that_the_server_forgot_does_not_hurt),
		cmocka_unit_test(wrong_files_are_named_at_start),
		cmocka_unit_test(the_authorities_of_the_environment_are_used),
		cmocka_unit_test(loops_share_settings_and_sessions),
		cmocka_unit_test(running_out_of_memory_is_told_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
