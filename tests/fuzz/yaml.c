#include "fuzz.h"

#include "wire/yaml.h"

/* The tree obeys what the header promises: counts, depth, unique keys, places. */
static void check_tree(const struct yaml_node *n, unsigned depth, unsigned *line)
{
	size_t children = 0;

	INVARIANT(depth <= YAML_DEPTH_MAX + 1);
	INVARIANT(n->place.line >= 1 && n->place.column >= 1);
	INVARIANT(n->place.line >= *line);
	*line = n->place.line;
	if (n->kind == YAML_SCALAR) {
		INVARIANT(n->first == NULL && n->n == 0);
		return;
	}
	for (const struct yaml_node *c = n->first; c != NULL; c = c->next) {
		children++;
		INVARIANT((c->key.n > 0) == (n->kind == YAML_MAP));
		if (n->kind == YAML_MAP)
			INVARIANT(yaml_get(n, c->key) == c);
		check_tree(c, depth + 1, line);
	}
	INVARIANT(children == n->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size_min(size, 1 << 15));
	struct yaml_node *root = NULL;
	struct yaml_problem problem;
	struct fuzz_mem mem;
	struct arena arena;
	unsigned line = 1;
	enum rc rc;

	fuzz_mem_init(&mem, 0);
	arena_init(&arena, &mem.mem, 4096, 16 << 20);
	rc = yaml_read(&root, &arena, text, &problem);
	if (rc == OK) {
		check_tree(root, 1, &line);
	} else {
		INVARIANT(rc == E_BAD || rc == E_TOOBIG || rc == E_NOMEM);
		INVARIANT(root == NULL);
		INVARIANT(problem.place.line >= 1 && problem.place.column >= 1);
		INVARIANT(rc == E_NOMEM || problem.text[0] != '\0');
	}
	arena_free(&arena);
	INVARIANT(mem.live == 0);
	return 0;
}
