#include "app_config_made.h"

#include "check.h"

/* ---- an environment of our own ----------------------------------------------------------- */

static const char *test_env_get(const struct config_env *e UNUSED, const char *name)
{
	static const struct {
		const char *name, *value;
	} vars[] = {
		{ "OPENAI_API_KEY", "sk-openai" },
		{ "APP_KEY", "weir-app-key" },
		{ "EMPTY", "" },
		{ "WORKERS", "4" },
		{ "BROKEN_KEY", "sk-x\n" },
		{ "SPECIAL", "{a: [b]}" },
		{ "URL", "http://10.0.0.1/v1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(vars); i++)
		if (strcmp(vars[i].name, name) == 0)
			return vars[i].value;
	return NULL;
}

const struct config_env test_env = { test_env_get };

/* ---- reading and building -----------------------------------------------------------------
 */

void make_in(struct made *m, struct slice text, const struct config_env *env)
{
	const struct config_build o = {
		.mem = &m->t.mem, .env = env, .key_seed = 7, .day = TEST_DAY
	};

	test_mem_init(&m->t, 0);
	arena_init(&m->a, &m->t.mem, 4096, 64 << 20);
	problems_init(&m->p, &m->a);
	m->c = NULL;
	m->s = NULL;
	m->rc = config_read(&m->c, &m->a, text, env, &m->p);
	if (m->rc == OK)
		m->rc = config_build(&m->s, m->c, &o, &m->p);
}

void make(struct made *m, const char *text)
{
	make_in(m, slice_cstr(text), &test_env);
}

void unmake(struct made *m)
{
	snapshot_unref(m->s);
	arena_free(&m->a);
	CHECK_INT(m->t.live, 0);
}

/* All problems, one per line. */
const char *problems(struct made *m)
{
	static char room[16384];
	struct sb out;

	sb_init(&out, room, sizeof(room));
	problems_sort(&m->p);
	for (size_t i = 0; i < m->p.n; i++) {
		problem_print(&out, "f", &m->p.v[i]);
		sb_char(&out, '\n');
	}
	return sb_cstr(&out);
}
