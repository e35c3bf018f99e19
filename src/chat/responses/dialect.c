#include "chat/dialect.h"

const struct dialect dialect_responses = {
	.name = "responses",
	.id = DIALECT_RESPONSES,
};
