// What a plugin gives: made by the function "make_plugin" of its library.
#pragma once
#include <string>

struct Plugin {
	virtual ~Plugin() = default;
	virtual std::string name() const = 0;
	virtual long compute(long value) = 0; // throws std::out_of_range below 0
};
