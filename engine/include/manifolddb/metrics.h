#pragma once
// Figures as texts that other programs read. Nothing of the engine calls these.

#include <string>
#include <string_view>
#include <vector>

#include "manifolddb/database.h"

namespace manifolddb {

// One JSON object: each figure by the name of its member; histograms as {"count", "sum", "buckets":
// [{"at_most", "count"}]}, of which empty buckets are left out and the last may have no bound (null); the
// history of checkpoints as a list of objects.
std::string ToJson(const DatabaseStats& stats);
std::string ToJson(const TableShape& shape);
// A list of objects, one for each family; each has a list of its tables. Of names printable ASCII is as it
// is, a backslash doubled, each other byte a backslash, x and two
// hexadecimal digits.
std::string ToJson(const std::vector<FamilyStats>& families);

// What a Prometheus server reads (text format 0.0.4): of each metric HELP, TYPE and the figure. Names begin
// with manifolddb_, times are seconds, what only grows ends in _total. `database`: a label of that name with
// this value on each line; empty: no label.
std::string ToPrometheus(const DatabaseStats& stats, std::string_view database = {});
// The same of families and tables, under names of their own, to be served behind the text above: each sample
// has the labels `family` and, of a table, `table`. Many tables are many samples.
std::string ToPrometheus(const std::vector<FamilyStats>& families, std::string_view database = {});
// The names in it, those of histograms without _bucket, _sum and _count.
std::vector<std::string> PrometheusNames();

}  // namespace manifolddb
