// What the engine takes for its operating system.
#pragma once
#include <stdint.h>

// Sets what every clock shows, in microseconds since the Unix epoch, until it is set again.
void system_set_time(int64_t microseconds);
