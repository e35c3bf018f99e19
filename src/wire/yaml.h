/* wire/yaml.h -- a YAML file as a tree that remembers where everything stood; the one
 * adapter of libyaml.
 *
 * YAML 1.1 as libyaml reads it, restricted for configuration: one document, no anchors,
 * aliases, tags or merge keys (each is refused with its place), keys are scalars, not empty,
 * and unique within their map.
 */
#ifndef WEIR_WIRE_YAML_H
#define WEIR_WIRE_YAML_H

#include "base/arena.h"
#include "base/err.h"

enum { YAML_DEPTH_MAX = 32, YAML_NODES_MAX = 200000 };

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_place {
	unsigned line, column; /* from 1; column in characters */
};

struct yaml_node {
	enum yaml_kind kind;
	struct yaml_place place;
	struct slice text; /* scalars */
	bool quoted; /* scalars: '' or "" or a block: always a string, never null or true */
	struct slice key; /* when it stands in a map */
	struct yaml_place key_place;
	struct yaml_node *first; /* children of lists and maps, in their order */
	struct yaml_node *next;
	size_t n; /* how many children */
};

struct yaml_problem {
	struct yaml_place place;
	char text[160];
};

/* Everything comes from the arena.  An empty file gives an empty map.
 * E_BAD      not YAML, or not our subset: *p says where and what
 * E_TOOBIG   over one of the limits: likewise
 * E_NOMEM */
MUST_USE enum rc yaml_read(struct yaml_node **root, struct arena *a, struct slice text,
			   struct yaml_problem *p);

/* The child of a map, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, struct slice key);

#endif
