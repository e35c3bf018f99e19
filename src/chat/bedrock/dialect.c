#include "chat/dialect.h"

const struct dialect dialect_bedrock = {
	.name = "bedrock",
	.id = DIALECT_BEDROCK,
};
