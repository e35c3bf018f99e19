#include "chat/dialect.h"

const struct dialect dialect_cohere = {
	.name = "cohere",
	.id = DIALECT_COHERE,
};
