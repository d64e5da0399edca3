// A program of a step: what it is given, what it leaves, and how far two ways to compute it are apart. Arguments: a folder for results, exact or
// rounded, forwards or backwards.
#pragma once
#include "cube.hpp"
#include <map>
#include <string>

// Its buffers, and those of another way to compute it.
static std::vector<std::vector<char>> one, other;
static std::string folder;
static bool backwards;
void play();

static unsigned drawn = 1;
static void given(std::vector<char>& buffer, float scale) {
    for (size_t i = 0; i < buffer.size(); i += 4) {
        drawn = drawn * 1664525u + 1013904223u;
        const float value = (float(drawn >> 8) / float(1 << 23) - 1.0f) * scale;
        memcpy(&buffer[i], &value, 4);
    }
}

static FILE* opened(const char* name) {
    FILE* file = fopen((folder + name).c_str(), "wb");
    if (!file) exit(1);
    return file;
}

static void written(const std::vector<char>& buffer, const char* name) {
    FILE* file = opened(name);
    if (fwrite(buffer.data(), 1, buffer.size(), file) != buffer.size() || fclose(file)) exit(1);
}

static std::vector<float> numbers(const std::vector<char>& buffer, bool pairs) {
    std::vector<float> found;
    for (size_t i = 0; i < buffer.size(); i += 4) {
        unsigned word;
        memcpy(&word, &buffer[i], 4);
        const unsigned bits[] = {pairs ? word << 16 : word, word & 0xffff0000u};
        for (unsigned j = 0; j < (pairs ? 2 : 1); j++) {
            float value;
            memcpy(&value, &bits[j], 4);
            found.push_back(value);
        }
    }
    return found;
}

// Of each kernel, by how much numbers are apart, of the largest among 256 that they lie with; of bf16, beyond what lies between two of them.
static std::map<std::string, float> apart;

// Notes it for a buffer that a kernel wrote, and goes on from the first.
static void beside(const char* kernel, const std::vector<char>& expected, std::vector<char>& found, bool pairs) {
    const std::vector<float> a = numbers(expected, pairs), b = numbers(found, pairs);
    if (a.size() != b.size()) exit(1);
    float most = 0;
    for (float value : a) most = fmaxf(most, fabsf(value));
    for (size_t first = 0; first < a.size(); first += 256) {
        const size_t end = min(first + 256, a.size());
        float largest = 1e-3f * most, off = 0;
        for (size_t i = first; i < end; i++) largest = fmaxf(largest, fabsf(a[i]));
        for (size_t i = first; i < end; i++) {
            if (std::isnan(a[i]) && std::isnan(b[i])) continue;
            const float here = fabsf(a[i] - b[i]) - (pairs ? fabsf(a[i]) / 128 : 0);
            off = std::isnan(here) ? INFINITY : fmaxf(off, here);
        }
        apart[kernel] = fmaxf(apart[kernel], largest > 0 ? off / largest : off);
    }
    found = expected;
}

int main(int, char** arguments) {
    one.reserve(1 << 16);
    other.reserve(1 << 16);
    folder = arguments[1];
    exact = arguments[2] == std::string("exact");
    backwards = arguments[3] == std::string("backwards");
    play();
    if (apart.empty()) return 0;
    FILE* file = opened("apart");
    for (const auto& of : apart) fprintf(file, "%s %g\n", of.first.c_str(), of.second);
    return fclose(file);
}
