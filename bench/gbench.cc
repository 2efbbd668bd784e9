// SPDX-License-Identifier: GPL-2.0-only
/*
 * The C API over libbenchmark: calls handed on, and nothing thrown across.
 *
 * No type that was renamed between versions is named: a registered benchmark
 * is internal::Benchmark before 1.9.5, and an error row has error_occurred
 * before 1.8.0 and skipped from then on.
 */
#include "gbench.h"

#include <benchmark/benchmark.h>

#include <cerrno>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gbrules.h"

namespace bm = benchmark;
constexpr size_t NAME_WIDTH = 64;
using rows = std::vector<bm::BenchmarkReporter::Run>;

struct gb {
	FILE *out;
	std::ostringstream text;
	std::ostringstream complaints;
	std::unique_ptr<bm::BenchmarkReporter> to;
	std::set<std::string> keys;
	std::set<std::string> names;
	/* CPU times that callbacks gave; negative for none. */
	std::vector<double> cpu_ns;
	gb_result result;
	int write_ret;
	bool is_json;
	bool has_context;
	bool is_dropping;
};

struct gb_state {
	gb *session;
	bm::State &st;
	double cpu_ns;
	bool is_done;
};

namespace {

template <class R>
auto is_error_row(const R &r, int) -> decltype(r.error_occurred)
{
	return r.error_occurred;
}

template <class R> bool is_error_row(const R &r, long)
{
	return static_cast<int>(r.skipped) != 0;
}

int fail(struct iopt_err *err, int code, const char *what)
{
	return iopt_err_set(err, code, "libbenchmark: %s", what);
}

/* Hand on what the library printed, and keep the first failure. */
void emit(gb *g)
{
	int ret = gbrule_write(g->out, g->text.str().c_str());

	g->text.str("");
	if (!g->write_ret)
		g->write_ret = ret;
}

/* Goes between the library and its reporter: one context, our names. */
class reporter : public bm::BenchmarkReporter {
      public:
	explicit reporter(gb *session) : g(session)
	{
		SetOutputStream(&g->text);
		SetErrorStream(&g->complaints);
	}

	bool ReportContext(const Context &context) override
	{
		Context wide(context);

		/* Later runs of the session may have longer names. */
		wide.name_field_width = NAME_WIDTH;
		if (!g->has_context)
			g->to->ReportContext(wide);
		g->has_context = true;
		emit(g);
		return true;
	}

	void ReportRuns(const rows &runs) override
	{
		rows renamed(runs);

		if (g->is_dropping) {
			g->result.nr_dropped += runs.size();
		} else {
			for (Run &run : renamed)
				adapt(run);
			g->to->ReportRuns(renamed);
			emit(g);
		}
		g->is_dropping = false;
		g->cpu_ns.clear();
	}

      private:
	void adapt(Run &run)
	{
		std::string name = run.run_name.function_name;

		run.run_name = bm::BenchmarkName();
		run.run_name.function_name = name;
		if (run.run_type != Run::RT_Iteration)
			return;
		g->result.nr_rows++;
		g->result.nr_errors += is_error_row(run, 0) ? 1 : 0;

		/* The library's own trial runs come before the ones it keeps.
		 */
		size_t from_end = static_cast<size_t>(run.repetitions -
						      run.repetition_index);

		if (from_end > g->cpu_ns.size() || is_error_row(run, 0))
			return;

		double ns = g->cpu_ns[g->cpu_ns.size() - from_end];

		if (ns >= 0)
			run.cpu_accumulated_time = ns * 1e-9;
	}

	gb *g;
};

void call(gb *session, gb_fn *fn, void *arg, bm::State &st)
{
	gb_state state = { session, st, -1, false };

	fn(&state, arg);
	if (!state.is_done)
		st.SkipWithError("the benchmark returned before its "
				 "iterations were done");
	session->cpu_ns.push_back(state.cpu_ns);
}

void run_all(gb *g, const char *regex)
{
	reporter through(g);

	g->result.nr_matched =
		bm::RunSpecifiedBenchmarks(&through, regex ? regex : "all");
}

} // namespace

const char *gb_version(void)
{
	return GB_LIBRARY_VERSION;
}

int gb_create(FILE *out, enum gb_format format, const char *program,
	      struct gb **session, struct iopt_err *err)
try {
	std::unique_ptr<gb> g(new gb());

	g->out = out;
	g->is_json = format == GB_JSON;
	if (g->is_json)
		g->to.reset(new bm::JSONReporter());
	else
		g->to.reset(
			new bm::ConsoleReporter(bm::ConsoleReporter::OO_None));
	g->to->SetOutputStream(&g->text);
	g->to->SetErrorStream(&g->complaints);
	bm::BenchmarkReporter::Context::executable_name = program;
	*session = g.release();
	return 0;
} catch (...) {
	return fail(err, -ENOMEM, "no memory for a session");
}

int gb_context_add(struct gb *gb, const char *key, const char *value,
		   struct iopt_err *err)
try {
	const char *wrong = gbrule_context(key);

	if (wrong)
		return iopt_err_set(err, -EINVAL, "context %s: %s", key, wrong);
	if (gb->has_context)
		return iopt_err_set(err, -EBUSY,
				    "context %s: the context is written", key);
	if (!gb->keys.insert(key).second)
		return iopt_err_set(err, -EEXIST,
				    "context %s: it is there already", key);
	bm::AddCustomContext(key, value);
	return 0;
} catch (...) {
	return fail(err, -ENOMEM, "no memory for the context");
}

int gb_register(struct gb *gb, const struct gb_bench *bench,
		struct iopt_err *err)
try {
	if (!bench->name || !bench->name[0] || !bench->fn)
		return fail(err, -EINVAL,
			    "a benchmark needs a name and a "
			    "callback");
	if (!gb->names.insert(bench->name).second)
		return iopt_err_set(err, -EEXIST,
				    "benchmark %s: it is there already",
				    bench->name);

	gb_fn *fn = bench->fn;
	void *arg = bench->arg;
	auto *b = bm::RegisterBenchmark(
		bench->name,
		[gb, fn, arg](bm::State &st) { call(gb, fn, arg, st); });

	b->Unit(bm::kNanosecond);
	if (bench->nr_iterations)
		b->Iterations(
			static_cast<bm::IterationCount>(bench->nr_iterations));
	if (bench->nr_repetitions > 1)
		b->Repetitions(static_cast<int>(bench->nr_repetitions));
	if (bench->has_manual_time)
		b->UseManualTime();
	else
		b->UseRealTime();
	return 0;
} catch (...) {
	return fail(err, -ENOMEM, "no memory for a benchmark");
}

int gb_run(struct gb *gb, const char *regex, struct gb_result *result,
	   struct iopt_err *err)
{
	int ret = 0;

	gb->result = gb_result();
	gb->is_dropping = false;
	gb->cpu_ns.clear();
	gb->complaints.str("");
	try {
		run_all(gb, regex);
	} catch (const std::bad_alloc &) {
		ret = fail(err, -ENOMEM, "no memory");
	} catch (...) {
		ret = fail(err, -EIO, "it threw an exception");
	}
	gb->names.clear();
	bm::ClearRegisteredBenchmarks();
	if (result)
		*result = gb->result;
	if (ret)
		return ret;
	if (gb->write_ret)
		return iopt_err_set(err, gb->write_ret,
				    "the result could not be written");
	if (!gb->result.nr_matched)
		return iopt_err_set(err, -ENOENT, "no benchmark matches %s",
				    regex ? regex : "(none is registered)");
	return 0;
}

static void write_end(struct gb *gb)
{
	if (!gb->has_context)
		gb->to->ReportContext(bm::BenchmarkReporter::Context());
	gb->to->Finalize();
	emit(gb);
}

int gb_destroy(struct gb *gb, struct iopt_err *err)
{
	int ret;

	if (!gb)
		return 0;
	try {
		if (gb->is_json)
			write_end(gb);
		if (bm::internal::GetGlobalContext())
			bm::internal::GetGlobalContext()->clear();
	} catch (...) {
		if (!gb->write_ret)
			gb->write_ret = -ENOMEM;
	}
	ret = gb->write_ret;
	delete gb;
	if (ret)
		return iopt_err_set(err, ret,
				    "the result could not be written");
	return 0;
}

u64 gb_all(const struct gb_state *state)
{
	return static_cast<u64>(state->st.max_iterations);
}

u64 gb_next_batch(struct gb_state *state, u64 want)
{
	u64 left = gb_all(state) - static_cast<u64>(state->st.iterations());

	if (state->is_done)
		return 0;
	if (want > left && left)
		want = left;
	if (state->st.KeepRunningBatch(static_cast<bm::IterationCount>(want)))
		return want;
	state->is_done = true;
	return 0;
}

int gb_time_add(struct gb_state *state, double ns)
{
	if (!gbrule_is_time(ns))
		return -EINVAL;
	state->st.SetIterationTime(ns * 1e-9);
	return 0;
}

int gb_cpu_time_add(struct gb_state *state, double ns)
{
	if (!gbrule_is_time(ns))
		return -EINVAL;
	state->cpu_ns = (state->cpu_ns < 0 ? 0 : state->cpu_ns) + ns;
	return 0;
}

int gb_counter_set(struct gb_state *state, const char *name, double value)
try {
	if (gbrule_counter(name, value))
		return -EINVAL;
	return state->st.counters.emplace(name, value).second ? 0 : -EEXIST;
} catch (...) {
	return -ENOMEM;
}

static void end_row(struct gb_state *state, const char *prefix,
		    const char *what) noexcept
try {
	state->is_done = true;
	state->st.SkipWithError((std::string(prefix) + what).c_str());
} catch (...) {
	state->st.SkipWithError("no memory for the reason");
}

int gb_label_set(struct gb_state *state, const char *label)
try {
	state->st.SetLabel(label);
	return 0;
} catch (...) {
	return -ENOMEM;
}

void gb_error(struct gb_state *state, const char *what)
{
	end_row(state, "", what);
}

void gb_skip(struct gb_state *state, const char *reason)
{
	end_row(state, "skip: ", reason);
}

void gb_drop(struct gb_state *state)
{
	state->session->is_dropping = true;
	end_row(state, "", "dropped");
}
