#include "chat/dialect.h"

const struct dialect dialect_ollama = {
	.name = "ollama",
	.id = DIALECT_OLLAMA,
};
