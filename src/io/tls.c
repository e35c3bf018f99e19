/* TLS by OpenSSL 3, between bytes: no socket is known here.  OpenSSL reads from and writes to
 * a BIO of our own over two buffers, which hold memory only while there are bytes in them.
 *
 * Two rules of OpenSSL to keep in mind: its queue of errors is per thread and must be empty
 * before a call whose result is asked for with SSL_get_error(); and a session that is shared
 * must not be touched by two connections at once, so everyone gets a copy.
 */
#include "io/tls.h"

#include "base/buf.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum {
	NAME_BYTES = 254,          /* a host name and its zero */
	ALPN_BYTES = 64,           /* of all protocols, as on the wire */
	SESSIONS_MAX = 32,         /* names; the one not used for longest goes */
	HANDSHAKE_MAX = 256 << 10, /* from the peer; long chains have 10 KB */
	IN_MAX = 512 << 10,        /* ciphertext not yet read: what conn.c reads at once, and
				    * what waits while it is paused */
	OUT_MAX = 4 << 20,         /* ciphertext not yet sent: conn.c's limits are lower */
	RECORD_MAX = 16384,        /* RFC 8446, 5.1 */
	RECORD_EXTRA = 64,         /* header, tag, nonce or padding, generously */
	KEEP_BYTES = 1024,         /* an empty buffer larger than that is given back */
};

struct session {
	char name[NAME_BYTES];
	SSL_SESSION *s; /* owned; NULL: free */
	uint64_t used;
};

struct tls_client {
	atomic_uint refs; /* its owner's, and one per connection: a closed one may go later */
	pthread_mutex_t lock; /* for all below */
	SSL_CTX *ctx;         /* NULL until the first handshake */
	BIO_METHOD *bio;
	struct session *sessions; /* SESSIONS_MAX */
	uint64_t uses;
	unsigned char alpn[ALPN_BYTES];
	unsigned alpn_n;
};

struct tls_server {
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	unsigned char alpn[ALPN_BYTES];
	unsigned alpn_n;
};

struct tls {
	SSL *ssl;
	struct mem *mem;
	struct tls_client *client; /* NULL: we are the server */
	struct buf in, out;
	size_t handshake_bytes;
	bool done;       /* the handshake */
	bool no_memory;  /* the BIO met it */
	bool broken;     /* nothing more may be asked of `ssl` */
	struct err last; /* why; told by the next read */
	char name[NAME_BYTES];
};

/* ---- errors ------------------------------------------------------------------- */

/* The oldest error of the queue as text; empties it. */
static const char *queue_text(char *room, size_t n)
{
	unsigned long e = ERR_peek_error();
	int reason = ERR_GET_REASON(e);
	const char *text;

	if (e == 0)
		snprintf(room, n, "it ended early");
	else if (ERR_GET_LIB(e) == ERR_LIB_SYS)
		snprintf(room, n, "%s", strerror(reason));
	else if (ERR_GET_LIB(e) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
		snprintf(room, n, "the peer sent the alert \"%s\"",
			 SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
	else if (ERR_GET_LIB(e) == ERR_LIB_SSL &&
		 (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
		  reason == SSL_R_PACKET_LENGTH_TOO_LONG))
		snprintf(room, n, "the peer does not speak TLS");
	else if ((text = ERR_reason_error_string(e)) != NULL)
		snprintf(room, n, "%s", text);
	else
		snprintf(room, n, "error %lu", e);
	ERR_clear_error();
	return room;
}

static enum rc err_queue(struct err *err, const char *id, const char *what)
{
	char text[128];

	return err_set(err, E_TLS, id, "%s: %s", what, queue_text(text, sizeof(text)));
}

/* Notes why a connection broke. */
static void broke(struct tls *s, const char *id, const char *what)
{
	long verify = SSL_get_verify_result(s->ssl);

	s->broken = true;
	if (s->no_memory)
		err_nomem(&s->last, "tls.memory");
	else if (verify != X509_V_OK)
		err_set(&s->last, E_TLS, "tls.verify", "the certificate of %.100s: %s", s->name,
			X509_verify_cert_error_string(verify));
	else
		err_queue(&s->last, id, what);
	ERR_clear_error();
}

static enum tls_step tell(const struct tls *s, struct err *err)
{
	if (err != NULL && err->rc == OK)
		*err = s->last;
	return TLS_ERROR;
}

/* ---- the BIO ------------------------------------------------------------------ */

static void give_back(struct buf *b)
{
	if (buf_len(b) == 0 && b->cap > KEEP_BYTES)
		buf_free(b);
}

static int bio_read(BIO *b, char *p, size_t n, size_t *got)
{
	struct tls *s = BIO_get_data(b);
	struct slice have = slice_head(buf_slice(&s->in), n);

	BIO_clear_retry_flags(b);
	*got = have.n;
	if (have.n == 0) {
		BIO_set_retry_read(b);
		return 0;
	}
	memcpy(p, have.p, have.n);
	buf_taken(&s->in, have.n);
	give_back(&s->in);
	return 1;
}

static int bio_write(BIO *b, const char *p, size_t n, size_t *put)
{
	struct tls *s = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	*put = 0;
	if (buf_append(&s->out, slice_of(p, n)) != OK) {
		s->no_memory = true;
		return 0;
	}
	*put = n;
	return 1;
}

static long bio_ctrl(BIO *b, int cmd, long num UNUSED, void *ptr UNUSED)
{
	struct tls *s = BIO_get_data(b);

	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_PENDING:
		return (long)buf_len(&s->in);
	case BIO_CTRL_WPENDING:
		return (long)buf_len(&s->out);
	default:
		return 0;
	}
}

static BIO_METHOD *bio_method(void)
{
	/* The type's number has no meaning to others; one per process would run out. */
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 0x7f, "weir");

	if (m == NULL || BIO_meth_set_read_ex(m, bio_read) != 1 ||
	    BIO_meth_set_write_ex(m, bio_write) != 1 || BIO_meth_set_ctrl(m, bio_ctrl) != 1) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

/* ---- settings of both sides --------------------------------------------------- */

static bool path_of(char room[PATH_MAX], struct slice s)
{
	if (s.n == 0 || s.n >= PATH_MAX || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(room, s.p, s.n);
	room[s.n] = '\0';
	return true;
}

/* One protocol, as a list of one in the form of the wire (RFC 7301, 3.1). */
static bool alpn_of(unsigned char room[ALPN_BYTES], unsigned *n, struct slice s)
{
	if (s.n >= ALPN_BYTES)
		return false;
	*n = 0;
	if (s.n > 0) {
		room[0] = (unsigned char)s.n;
		memcpy(room + 1, s.p, s.n);
		*n = (unsigned)s.n + 1;
	}
	return true;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return NULL;
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	return ctx;
}

/* ---- client ------------------------------------------------------------------- */

static void keep_session(struct tls_client *t, const char *name, SSL_SESSION *given)
{
	struct session *to = &t->sessions[0];

	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		struct session *at = &t->sessions[i];

		if (at->s != NULL && strcmp(at->name, name) == 0) {
			to = at;
			break;
		}
		if (at->used < to->used)
			to = at;
	}
	SSL_SESSION_free(to->s);
	to->s = given;
	to->used = ++t->uses;
	memcpy(to->name, name, strlen(name) + 1);
}

/* OpenSSL's callback: a full handshake, or a ticket, gave a session. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *s = SSL_get_app_data(ssl);
	SSL_SESSION *copy;

	if (s == NULL || s->client == NULL || !SSL_SESSION_is_resumable(session))
		return 0;
	copy = SSL_SESSION_dup(session);
	if (copy == NULL) {
		ERR_clear_error();
		return 0;
	}
	pthread_mutex_lock(&s->client->lock);
	keep_session(s->client, s->name, copy);
	pthread_mutex_unlock(&s->client->lock);
	return 0; /* we did not keep theirs */
}

static struct session *find_session(struct tls_client *t, const char *name)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (t->sessions[i].s != NULL && strcmp(t->sessions[i].name, name) == 0)
			return &t->sessions[i];
	return NULL;
}

/* Without one the handshake is a full one: nothing here can fail. */
static void reuse_session(struct tls *s)
{
	struct tls_client *t = s->client;
	SSL_SESSION *copy = NULL;
	struct session *at;

	pthread_mutex_lock(&t->lock);
	at = find_session(t, s->name);
	if (at != NULL) {
		at->used = ++t->uses;
		copy = SSL_SESSION_dup(at->s);
	}
	pthread_mutex_unlock(&t->lock);
	if (copy != NULL) {
		SSL_set_session(s->ssl, copy);
		SSL_SESSION_free(copy);
	}
	ERR_clear_error();
}

/* After a failure the next attempt shall not be led by what the last one remembered. */
static void forget_session(struct tls *s)
{
	struct session *at;

	pthread_mutex_lock(&s->client->lock);
	at = find_session(s->client, s->name);
	if (at != NULL) {
		SSL_SESSION_free(at->s);
		*at = (struct session){ 0 };
	}
	pthread_mutex_unlock(&s->client->lock);
}

static void drop_client_ctx(struct tls_client *t)
{
	for (size_t i = 0; t->sessions != NULL && i < SESSIONS_MAX; i++)
		SSL_SESSION_free(t->sessions[i].s);
	free(t->sessions);
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	t->sessions = NULL;
	t->ctx = NULL;
	t->bio = NULL;
}

/* `ca_file` NULL: SSL_CERT_FILE, SSL_CERT_DIR, or the system's; read as they are needed. */
static enum rc make_client_ctx(struct tls_client *t, const char *ca_file, struct err *err)
{
	enum rc rc = OK;

	ERR_clear_error();
	t->sessions = calloc(SESSIONS_MAX, sizeof(*t->sessions));
	t->ctx = new_ctx(TLS_client_method());
	t->bio = bio_method();
	if (t->sessions == NULL || t->ctx == NULL || t->bio == NULL) {
		rc = err_queue(err, "tls.library", "TLS cannot be set up");
	} else if (ca_file != NULL && SSL_CTX_load_verify_file(t->ctx, ca_file) != 1) {
		char text[100];

		rc = err_set(err, E_TLS, "tls.ca", "the authorities in %.100s: %s", ca_file,
			     queue_text(text, sizeof(text)));
	} else if (ca_file == NULL && SSL_CTX_set_default_verify_paths(t->ctx) != 1) {
		rc = err_queue(err, "tls.ca", "the system's authorities");
	} else if (t->alpn_n > 0 && SSL_CTX_set_alpn_protos(t->ctx, t->alpn, t->alpn_n) != 0) {
		rc = err_queue(err, "tls.library", "TLS cannot be set up");
	}
	ERR_clear_error();
	if (rc != OK) {
		drop_client_ctx(t);
		return rc;
	}
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(t->ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->ctx, on_session);
	return OK;
}

enum rc tls_client_new(struct tls_client **out, const struct tls_client_options *o,
		       struct err *err)
{
	struct tls_client *t = calloc(1, sizeof(*t));
	char path[PATH_MAX];
	enum rc rc = OK;

	if (t == NULL)
		return err_nomem(err, "tls.client");
	atomic_init(&t->refs, 1);
	pthread_mutex_init(&t->lock, NULL);
	if (!alpn_of(t->alpn, &t->alpn_n, o->alpn))
		rc = err_set(err, E_TLS, "tls.alpn", "the protocol's name is too long");
	else if (o->ca_file.n > 0 && !path_of(path, o->ca_file))
		rc = err_set(err, E_TLS, "tls.ca", "not a file name");
	else if (o->ca_file.n > 0)
		rc = make_client_ctx(t, path, err);
	if (rc != OK) {
		tls_client_free(t);
		return rc;
	}
	*out = t;
	return OK;
}

void tls_client_free(struct tls_client *t)
{
	if (t == NULL || atomic_fetch_sub(&t->refs, 1) > 1)
		return;
	drop_client_ctx(t);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- server ------------------------------------------------------------------- */

/* A key with a password would make OpenSSL ask for it at the terminal. */
static int no_password(char *buf UNUSED, int n UNUSED, int rw UNUSED, void *ctx UNUSED)
{
	return -1;
}

/* Another protocol than ours is not an error: the client may go on without. */
static int choose_alpn(SSL *ssl UNUSED, const unsigned char **out, unsigned char *out_n,
		       const unsigned char *in, unsigned in_n, void *ctx)
{
	const struct tls_server *t = ctx;
	unsigned char *chosen = NULL;

	if (SSL_select_next_proto(&chosen, out_n, t->alpn, t->alpn_n, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static enum rc load_pair(SSL_CTX *ctx, const struct tls_server_options *o, struct err *err)
{
	char path[PATH_MAX], text[100];

	if (!path_of(path, o->cert_file))
		return err_set(err, E_TLS, "tls.certificate", "not a file name");
	if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1)
		return err_set(err, E_TLS, "tls.certificate", "the certificate in %.100s: %s",
			       path, queue_text(text, sizeof(text)));
	if (!path_of(path, o->key_file))
		return err_set(err, E_TLS, "tls.key", "not a file name");
	if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1)
		return err_set(err, E_TLS, "tls.key", "the private key in %.100s: %s", path,
			       queue_text(text, sizeof(text)));
	if (SSL_CTX_check_private_key(ctx) != 1)
		return err_queue(err, "tls.key", "the private key is another certificate's");
	return OK;
}

enum rc tls_server_new(struct tls_server **out, const struct tls_server_options *o,
		       struct err *err)
{
	struct tls_server *t = calloc(1, sizeof(*t));
	enum rc rc;

	if (t == NULL)
		return err_nomem(err, "tls.server");
	ERR_clear_error();
	t->ctx = new_ctx(TLS_server_method());
	t->bio = bio_method();
	if (t->ctx == NULL || t->bio == NULL) {
		rc = err_queue(err, "tls.library", "TLS cannot be set up");
		goto out;
	}
	if (!alpn_of(t->alpn, &t->alpn_n, o->alpn)) {
		rc = err_set(err, E_TLS, "tls.alpn", "the protocol's name is too long");
		goto out;
	}
	SSL_CTX_set_default_passwd_cb(t->ctx, no_password);
	rc = load_pair(t->ctx, o, err);
	if (rc != OK)
		goto out;
	/* Sessions are the clients' to keep, in tickets. */
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(t->ctx, 1);
	if (t->alpn_n > 0)
		SSL_CTX_set_alpn_select_cb(t->ctx, choose_alpn, t);
	*out = t;
	t = NULL;
out:
	ERR_clear_error();
	tls_server_free(t);
	return rc;
}

void tls_server_free(struct tls_server *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	free(t);
}

/* ---- one connection ----------------------------------------------------------- */

static enum rc tls_open(struct tls **out, SSL_CTX *ctx, BIO_METHOD *method, struct mem *mem,
			struct err *err)
{
	struct tls *s = mem_zero(mem, sizeof(*s));
	BIO *bio;

	if (s == NULL)
		return err_nomem(err, "tls.open");
	ERR_clear_error();
	s->mem = mem;
	buf_init(&s->in, mem, IN_MAX);
	buf_init(&s->out, mem, OUT_MAX);
	s->ssl = SSL_new(ctx);
	bio = s->ssl != NULL ? BIO_new(method) : NULL;
	if (bio == NULL) {
		tls_close(s);
		ERR_clear_error();
		return err_nomem(err, "tls.open");
	}
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_app_data(s->ssl, s);
	*out = s;
	return OK;
}

/* Zero-terminated, without the brackets of an IPv6 address in a URL and without the dot that
 * ends an absolute name: neither is in certificates. */
static bool name_of(char room[NAME_BYTES], struct slice s)
{
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = slice_of(s.p + 1, s.n - 2);
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n == 0 || s.n >= NAME_BYTES || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(room, s.p, s.n);
	room[s.n] = '\0';
	return true;
}

/* What the certificate must say, and for names what is asked for (RFC 6066, 3: addresses
 * are not).  `name` is not const only because OpenSSL's macro would cast that away. */
static bool expect_name(SSL *ssl, char *name)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(p, name) == 1)
		return true;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(p, name, 0) == 1 &&
	       SSL_set_tlsext_host_name(ssl, name) == 1;
}

enum rc tls_open_client(struct tls **out, struct tls_client *t, struct slice name,
			struct mem *mem, struct err *err)
{
	char host[NAME_BYTES];
	struct tls *s;
	enum rc rc = OK;

	if (!name_of(host, name))
		return err_set(err, E_TLS, "tls.name", "not a host name");
	pthread_mutex_lock(&t->lock);
	if (t->ctx == NULL)
		rc = make_client_ctx(t, NULL, err);
	pthread_mutex_unlock(&t->lock);
	if (rc == OK)
		rc = tls_open(&s, t->ctx, t->bio, mem, err);
	if (rc != OK)
		return rc;
	atomic_fetch_add(&t->refs, 1);
	s->client = t;
	memcpy(s->name, host, sizeof(host));
	if (!expect_name(s->ssl, s->name)) {
		rc = err_queue(err, "tls.name", "not a host name");
		tls_close(s);
		return rc;
	}
	SSL_set_connect_state(s->ssl);
	reuse_session(s);
	*out = s;
	return OK;
}

enum rc tls_open_server(struct tls **out, struct tls_server *t, struct mem *mem,
			struct err *err)
{
	enum rc rc = tls_open(out, t->ctx, t->bio, mem, err);

	if (rc == OK)
		SSL_set_accept_state((*out)->ssl);
	return rc;
}

void tls_close(struct tls *s)
{
	if (s == NULL)
		return;
	/* Else OpenSSL marks the session as bad when close_notify is missing. */
	if (s->ssl != NULL && !s->broken)
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	tls_client_free(s->client);
	buf_free(&s->in);
	buf_free(&s->out);
	mem_put(s->mem, s, sizeof(*s));
}

bool tls_put(struct tls *s, struct slice cipher)
{
	if (!s->done)
		s->handshake_bytes += cipher.n;
	return buf_append(&s->in, cipher) == OK;
}

size_t tls_take(struct tls *s, char *p, size_t n)
{
	struct slice have = slice_head(buf_slice(&s->out), n);

	if (have.n == 0)
		return 0;
	memcpy(p, have.p, have.n);
	buf_taken(&s->out, have.n);
	give_back(&s->out);
	return have.n;
}

size_t tls_pending(const struct tls *s)
{
	return buf_len(&s->out);
}

enum tls_step tls_handshake(struct tls *s, struct err *err)
{
	if (s->broken)
		return tell(s, err);
	if (s->done)
		return TLS_READY;
	ERR_clear_error();
	if (SSL_do_handshake(s->ssl) == 1) {
		s->done = true;
		return TLS_READY;
	}
	if (SSL_get_error(s->ssl, -1) != SSL_ERROR_WANT_READ) {
		broke(s, "tls.handshake", "TLS handshake");
	} else if (s->handshake_bytes > HANDSHAKE_MAX) {
		s->broken = true;
		err_set(&s->last, E_TLS, "tls.handshake", "TLS handshake: over %d bytes",
			HANDSHAKE_MAX);
	} else {
		return TLS_MORE;
	}
	if (s->client != NULL)
		forget_session(s);
	return tell(s, err);
}

/* Peers like to send each event in a record of its own: as many as fit are read, so that
 * what arrived together is handled together. */
enum tls_step tls_read(struct tls *s, char *p, size_t n, size_t *got, struct err *err)
{
	size_t at = 0;
	int why = SSL_ERROR_NONE;

	*got = 0;
	if (s->broken)
		return tell(s, err);
	while (at < n) {
		size_t more = 0;

		ERR_clear_error();
		if (SSL_read_ex(s->ssl, p + at, n - at, &more) != 1) {
			why = SSL_get_error(s->ssl, 0);
			break;
		}
		at += more;
	}
	if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN)
		broke(s, "tls.read", "TLS");
	*got = at;
	if (at > 0)
		return TLS_READY; /* and what follows is told by the next call */
	if (s->broken)
		return tell(s, err);
	return why == SSL_ERROR_ZERO_RETURN ? TLS_END : TLS_MORE;
}

enum rc tls_write(struct tls *s, struct slice plain, struct err *err)
{
	size_t extra = (plain.n / RECORD_MAX + 1) * RECORD_EXTRA;
	size_t room = s->out.max - buf_len(&s->out);
	size_t put = 0;

	if (s->broken) {
		(void)tell(s, err);
		return s->last.rc;
	}
	if (plain.n == 0)
		return OK;
	/* Half of it would be worse than nothing. */
	if (room < extra || room - extra < plain.n)
		return err_set(err, E_TOOBIG, "tls.write", "too much to send at once");
	ERR_clear_error();
	if (SSL_write_ex(s->ssl, plain.p, plain.n, &put) == 1)
		return OK;
	broke(s, "tls.write", "TLS");
	(void)tell(s, err);
	return s->last.rc;
}

void tls_finish(struct tls *s)
{
	if (s->broken || !s->done)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
}

struct slice tls_alpn(const struct tls *s)
{
	const unsigned char *p = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(s->ssl, &p, &n);
	return slice_of((const char *)p, n);
}
