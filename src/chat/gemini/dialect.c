#include "chat/dialect.h"

const struct dialect dialect_gemini = {
	.name = "gemini",
	.id = DIALECT_GEMINI,
};
