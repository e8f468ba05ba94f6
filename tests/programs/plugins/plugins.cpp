// A C++ program with plugins: OUT FOLDER. It loads FOLDER/one.so, waits for SIGUSR1, and loads FOLDER/two.so only then.
#include "plugin.h"
#include <csignal>
#include <dlfcn.h>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <vector>

static std::unique_ptr<Plugin> load(const std::string &path)
{
	void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
	if (!library)
		throw std::runtime_error(dlerror());
	auto make = reinterpret_cast<Plugin *(*)()>(dlsym(library, "make_plugin"));
	if (!make)
		throw std::runtime_error(dlerror());
	return std::unique_ptr<Plugin>(make());
}

static void say(const char *out, const std::string &line) { std::ofstream(out, std::ios::app) << line << '\n'; }

static void expect(bool condition, const std::string &what)
{
	if (!condition)
		throw std::runtime_error(what);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 64;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, nullptr);
	const std::string folder = argv[2];
	try {
		auto one = load(folder + "/one.so");
		std::vector<std::string> words { "state", "that", "lives", "on" };
		expect(one->compute(5) == 1015, "plugin one before");
		say(argv[1], "READY");
		int signal;
		sigwait(&set, &signal);
		expect(words.size() == 4 && words[3] == "on", "the vector");
		expect(one->compute(5) == 2015, "plugin one has forgotten");
		auto two = load(folder + "/two.so");
		expect(two->name() == "two" && two->compute(2) == 1014, "plugin two");
		try {
			two->compute(-1);
			expect(false, "no exception");
		} catch (const std::out_of_range &e) {
			expect(e.what() == std::string("two takes no negative numbers"), "another exception");
		}
		std::ifstream settings(folder + "/settings");
		std::string line;
		expect(std::getline(settings, line) && line == "colour=blue", "settings: " + line);
	} catch (const std::exception &e) {
		say(argv[1], std::string("FAIL: ") + e.what());
		return 1;
	}
	say(argv[1], "PASS");
}
