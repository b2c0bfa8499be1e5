# Summarises the files that gcov wrote: the share of executed lines in each file, and every line that was not executed.
# Fails if such a line has no comment with a reason.
FNR == 1 && NR > 1 { total(file) }
FNR == 1 { file = FILENAME; sub(/\.gcov$/, "", file); lines = missed = 0 }

{ split($0, part, ":"); count = part[1]; gsub(/ /, "", count) }
count == "-" { next }
{ lines++ }
/not covered: / && count ~ /^#/ { lines--; next }
count ~ /^[#=]/ { missed++; print "not executed: " file ":" $0 }

END { total(file); exit failed }

function total(name) {
    printf "%-14s %6.2f %% of %d lines\n", name, lines ? 100 * (lines - missed) / lines : 0, lines
    if (missed > 0 || lines == 0) failed = 1
}
