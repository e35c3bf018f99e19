#include "chat/dialect.h"

const struct dialect dialect_anthropic = {
	.name = "anthropic",
	.id = DIALECT_ANTHROPIC,
};
