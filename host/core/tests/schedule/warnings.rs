use wakeful_core::Schedule;

#[test]
fn a_warning_says_what_may_not_have_been_meant() {
    let check = |text: &str, parts: &[&str]| {
        let warnings = Schedule::parse(text, Some("Europe/Berlin")).expect(text).warnings();
        assert_eq!(warnings.len(), parts.len(), "{text}: {warnings:?}");
        for (warning, part) in warnings.iter().zip(parts) {
            assert!(warning.contains(part), "{text}: no {part:?} in {warnings:?}");
        }
    };
    check("0 9 * * 1-5", &[]);
    check("0 9 1,15 * *", &[]);
    check("0 9 13 * 5", &["match either"]);
    check("0 9 */2 * 1", &["match both"]);
    check(
        "*/50 * * * *",
        &[
            "begins anew with each hour, so that its last interval is shorter; for an even one write `@every 50m`",
        ],
    );
    check("0 */7 * * *", &["`@every 7h`"]);
    check("*/15 */6 * * *", &[]);
    check("*/90 * * * *", &["the step of \"*/90\" in the minute field"]);
    check("0 9 * * * 0", &["the last of the six fields is seconds"]);
    check("0 0 9 * * *", &["write 0 9 * * * 0"]);
    check("0 9 29 2 *", &["29 February alone"]);
    check("0 9 29 * *", &["no day 29 in February of common years"]);
    check("0 9 30 * *", &["no day 30 in February;"]);
    check(
        "0 9 31 * *",
        &["no day 31 in February, April, June, September and November; L in the day-of-month"],
    );
    check("0 9 15/15 * *", &["no day 30 in February"]);
    check("0 9 29,31 1-4 *", &["no day 29 in February of common years, there is no day 31 in"]);
    // Those that have the day, and what means the end of the month.
    check("0 9 31 1,3,5 *", &[]);
    check("0 9 1-31 * *", &[]);
    check("0 9 25-31 * *", &[]);
    check("0 9 */2 * *", &[]);
    check("0 9 L * *", &[]);
    check("0 9 31W * *", &[]);
    check("@every 6h", &[]);
    check("@every 2d", &[]);
    check("@every 7h", &["drift"]);
    check("@every 36h", &["drift"]);
    check("@at 2020-01-01T00:00:00Z", &[]);
}
