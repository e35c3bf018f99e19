#include "wire/json_text.h"
