// Writes the golden bytes anew: format_golden_write FILE.

#include <fstream>

#include "engine/format/golden_samples.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::ofstream file(argv[1], std::ios::binary | std::ios::trunc);
  file << manifolddb::format::ToText(manifolddb::format::GoldenSamples());
  file.close();
  return file.good() ? 0 : 1;
}
