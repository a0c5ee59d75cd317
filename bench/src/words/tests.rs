use super::*;
use crate::random::Random;

#[test]
fn words_come_back_as_they_went_in() {
    for words in ["1000", "1KiB", "16KiB", "1MiB", "5GiB", "0"] {
        assert_eq!(words.parse::<ByteCount>().unwrap().to_string(), words);
    }
    assert_eq!("1024".parse::<ByteCount>().unwrap().to_string(), "1KiB");
    for words in ["1KiB", "uniform:100-2000"] {
        assert_eq!(words.parse::<Size>().unwrap().to_string(), words);
    }
    for words in ["none", "uniform:10", "zipf:1000:1.2"] {
        assert_eq!(words.parse::<Keys>().unwrap().to_string(), words);
    }
    for words in ["none", "gzip", "snappy", "lz4", "zstd"] {
        assert_eq!(words.parse::<Codec>().unwrap().to_string(), words);
    }
}

/// Goal: whoever writes something wrong reads what would be right.
#[test]
fn wrong_words_are_answered_with_right_ones() {
    let says = |answer: Result<(), String>, right: &str| {
        let error = answer.expect_err("wrong words were taken");
        assert!(error.contains(right), "{error}");
    };
    for words in ["", "x", "-1", "1.5KiB", "1kilo", "99999999999999999999"] {
        says(words.parse::<ByteCount>().map(drop), "16KiB");
    }
    for words in ["uniform:5", "uniform:9-3", "uniform:a-b"] {
        says(words.parse::<Size>().map(drop), "uniform:100-2000");
    }
    says("1GiB".parse::<Size>().map(drop), "64MiB");
    for words in ["", "uniform", "uniform:x", "zipf:1:2:3", "none:1"] {
        says(words.parse::<Keys>().map(drop), "zipf:1000");
    }
    says("uniform:0".parse::<Keys>().map(drop), "1 to ");
    says("zipf:10:-1".parse::<Keys>().map(drop), "above 0");
    says("brotli".parse::<Codec>().map(drop), "zstd");
    for words in ["", "kafka", "kafka=host", "=h:1", "k=h:x", "k=:1", "k k=h:1"] {
        says(words.parse::<Target>().map(drop), "NAME=HOST:PORT");
    }
    says("k=h:1,flush".parse::<Target>().map(drop), "flush.messages=1");
    says("12".parse::<ProcessOf>().map(drop), "NAME=PID");
}

#[test]
fn sizes_are_drawn_from_the_whole_range() {
    let size: Size = "uniform:3-5".parse().unwrap();
    let mut random = Random::new(1);
    let drawn: Vec<usize> = (0..100).map(|_| size.draw(&mut random)).collect();
    assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&5)));
}

#[test]
fn a_target_has_configs_for_its_topics() {
    let target: Target = "kafka-fsync=[::1]:9092,flush.messages=1,a=b=c".parse().unwrap();
    assert_eq!(target.address, "[::1]:9092");
    let configs = [("flush.messages", "1"), ("a", "b=c")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(target.topic_configs, configs);
}
