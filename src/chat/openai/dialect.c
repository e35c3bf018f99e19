#include "chat/dialect.h"

const struct dialect dialect_openai = {
	.name = "openai",
	.id = DIALECT_OPENAI,
};
