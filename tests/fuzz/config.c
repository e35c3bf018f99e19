#include "fuzz.h"

#include "app/config.h"

static const char *get_env(const struct config_env *e UNUSED, const char *name)
{
	/* One of each: set, empty, and everything else not set. */
	if (strcmp(name, "A") == 0)
		return "value: [of] {a} variable\n";
	return strcmp(name, "B") == 0 ? "" : NULL;
}

/* A file, whatever it says, becomes a snapshot or a list of problems; nothing leaks. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_env env = { get_env };
	struct slice text = slice_of((const char *)data, size_min(size, 1 << 14));
	struct snapshot *s = NULL;
	struct config *c = NULL;
	struct problems p;
	struct fuzz_mem mem;
	struct arena arena;
	enum rc rc;

	/* A file that names files would have them read. */
	if (slice_find(text, LIT("ca_file")) != SLICE_NONE)
		return 0;
	fuzz_mem_init(&mem, 0);
	arena_init(&arena, &mem.mem, 4096, 16 << 20);
	problems_init(&p, &arena);
	rc = config_read(&c, &arena, text, &env, &p);
	if (rc == OK) {
		const struct config_build o = { .mem = &mem.mem, .env = &env };

		INVARIANT(c != NULL && p.n == 0);
		rc = config_build(&s, c, &o, &p);
	}
	INVARIANT((rc == OK) == (s != NULL));
	INVARIANT((rc == E_BAD) == (p.n > 0));
	for (size_t i = 0; i < p.n; i++)
		INVARIANT(p.v[i].text.n > 0);
	for (size_t i = 0; s != NULL && i < s->model_n; i++)
		INVARIANT(snapshot_find(s, s->model_list[i]->name, &arena) == s->model_list[i]);
	snapshot_unref(s);
	arena_free(&arena);
	INVARIANT(mem.live == 0);
	return 0;
}
