#include "wire/json_out.h"
