// A plugin; built twice, as PLUGIN_NAME one and two.
#include "plugin.h"
#include <map>
#include <stdexcept>

namespace {
struct Ours : Plugin {
	std::map<long, long> seen;
	std::string name() const override { return PLUGIN_NAME; }
	long compute(long value) override
	{
		if (value < 0)
			throw std::out_of_range(name() + " takes no negative numbers");
		return ++seen[value] * 1000 + value * PLUGIN_FACTOR;
	}
};
}

extern "C" Plugin *make_plugin() { return new Ours; }
