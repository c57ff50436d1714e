//! Access logs: read as a stream, in constant memory, plain or gzip, whatever their length.
//!
//! A log is a sequence of lines in a buffer that never grows; a line that does not fit counts as malformed, as does
//! one that is no entry. What is kept is [`Tally`]'s affair; what it means, `whose`'s.

mod counted;
mod line;
mod tally;

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use memchr::memchr;

pub use counted::traffic;
pub use tally::Tally;

/// The buffer, and so the longest line.
const BUFFER: usize = 256 * 1024;
/// How a gzip stream begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Counts a log, which is gzip if it begins like one.
///
/// # Errors
/// It cannot be read, or it is gzip that is cut off or broken; what came before is counted.
pub fn read(input: impl Read, tally: &mut Tally) -> io::Result<()> {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    if input.fill_buf()?.starts_with(&GZIP) { lines(MultiGzDecoder::new(input), tally) } else { lines(input, tally) }
}

fn lines(mut input: impl Read, tally: &mut Tally) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    // how much of the buffer is filled, and whether the line it begins with is too long to be kept
    let (mut filled, mut lost) = (0, false);
    loop {
        let n = match input.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        filled += n;
        let whole = buffer.get(..filled).unwrap_or_default();
        let mut rest = whole;
        while let Some(end) = memchr(b'\n', rest) {
            if !std::mem::take(&mut lost) {
                count(rest.get(..end).unwrap_or_default(), tally);
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        let (start, left) = (whole.len() - rest.len(), rest.len());
        if n == 0 {
            if left > 0 && !lost {
                count(rest, tally);
            }
            return Ok(());
        }
        if left == buffer.len() {
            tally.malformed += u64::from(!lost);
            (filled, lost) = (0, true);
        } else {
            buffer.copy_within(start..start + left, 0);
            filled = left;
        }
    }
}

fn count(line: &[u8], tally: &mut Tally) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line::read(line) {
        Some(line) => tally.add(&line),
        None if line.is_empty() => {}
        None => tally.malformed += 1,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LINE: &str = "http 2026-11-22T09:00:01.123456Z app/web/1 203.0.113.7:46532 10.0.1.10:8000 0.000 0.001 0.000 200 200 34 \
                        366 \"GET http://a/ HTTP/1.1\" \"curl\" - - arn:g \"Root=1\" \"-\" \"-\" 0 2026-11-22T09:00:01.0Z \"forward\" \
                        \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"";

    /// What hands out a few bytes at a time.
    struct Drops<'t>(&'t [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(into.len()).min(self.0.len());
            let (now, later) = self.0.split_at(n);
            into[..n].copy_from_slice(now);
            self.0 = later;
            Ok(n)
        }
    }

    fn tallied(bytes: &[u8], drops: usize) -> (u64, u64) {
        let mut tally = Tally::default();
        read(Drops(bytes, drops), &mut tally).unwrap();
        (tally.lines, tally.malformed)
    }

    #[test]
    fn lines_are_found_wherever_the_stream_breaks() {
        let text = format!("{LINE}\nnonsense\r\n\n{LINE}\r\n{LINE}");
        for drops in [1, 2, 7, 100, 1_000_000] {
            assert_eq!(tallied(text.as_bytes(), drops), (3, 1), "{drops}");
        }
        assert_eq!(tallied(b"", 1), (0, 0));
    }

    #[test]
    fn gzip_is_known_by_its_beginning_and_may_hold_several_members() {
        let member = |text: &str| {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(text.as_bytes()).unwrap();
            writer.finish().unwrap()
        };
        let whole = [member(&format!("{LINE}\n")), member(&format!("{LINE}\n{LINE}\n"))].concat();
        assert_eq!(tallied(&whole, 13), (3, 0));
        let mut tally = Tally::default();
        let broken = whole.get(..whole.len() - 9).unwrap();
        assert!(read(broken, &mut tally).is_err());
        assert_eq!(tally.lines, 3, "what came before is counted");
    }

    #[test]
    fn a_line_that_never_ends_takes_no_memory_and_counts_once() {
        let long = "x".repeat(3 * BUFFER + 17);
        let text = format!("{LINE}\n{long}\n{LINE}\n{long}");
        assert_eq!(tallied(text.as_bytes(), 50_000), (2, 2));
        assert_eq!(tallied(long.as_bytes(), BUFFER), (0, 1));
        // a line that fills the buffer to the last byte, and its break beyond
        let full = "y".repeat(BUFFER);
        assert_eq!(tallied(format!("{full}\n{LINE}\n").as_bytes(), BUFFER), (1, 1));
    }

    #[test]
    fn any_bytes_are_counted_and_none_are_fatal() {
        let mut state = 7_u32;
        let mut noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from(state >> 24).unwrap_or_default()
        };
        let bytes: Vec<u8> = (0..200_000).map(|_| noise()).collect();
        let (lines, malformed) = tallied(&bytes, 4096);
        assert!(lines == 0 && malformed > 100, "{lines} {malformed}");
        // each byte of an entry exchanged for another
        for at in 0..LINE.len() {
            let mut changed = LINE.as_bytes().to_vec();
            changed[at] = noise();
            let (lines, malformed) = tallied(&changed, 4096);
            assert!(lines + malformed <= 2, "{at}");
        }
    }
}
