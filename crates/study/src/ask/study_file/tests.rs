use super::*;
use crate::testing;
use fewlabel_learn::data::Images;

fn parse(text: &str) -> Result<Study, StudyError> {
    Study::parse(text, "a.toml", &[])
}

#[test]
fn lists_span_a_grid() {
    let study = parse("regime = [\"al\", \"alpa\"]\nlabels = [\"1%\", 43]\nseeds = \"3..5\"")
        .expect("valid");
    let points = study.points().expect("a grid");
    assert_eq!(points.len(), 8);
    assert!(points.iter().all(|point| [3, 4].contains(&point.seed)));
}

#[test]
fn the_ready_studies_are_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../studies");
    let files =
        std::fs::read_dir(folder).expect("shipped").map(|entry| entry.expect("an entry").path());
    let studies: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "toml")).collect();
    assert!(studies.len() >= 6);
    for path in studies {
        let text = std::fs::read_to_string(&path).expect("read");
        let study = Study::parse(&text, &path.display().to_string(), &[]).expect("valid");
        assert!(!study.question.is_empty());
        let data = testing::dataset(2000);
        for point in study.points().expect("a grid") {
            let settings = RunSettings::new(&point, &data);
            let settings = settings.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let json = serde_json::to_vec(&settings).expect("plain data");
            assert_eq!(
                serde_json::from_slice::<RunSettings>(&json).expect("its own record"),
                settings
            );
        }
    }
}

#[test]
fn a_condition_acts_where_it_applies() {
    let text = "regime = [\"full\", \"al\"]\nseeds = 1\n[[conditions]]\n\
                when = { regime = [\"full\"] }\nset = { width = 32 }";
    let widths: Vec<_> = parse(text)
        .expect("valid")
        .points()
        .expect("a grid")
        .iter()
        .map(|p| p.final_model.width)
        .collect();
    assert_eq!(widths, [Some(32), None]);
}

#[test]
fn a_condition_acts_unless_it_applies() {
    let text = "regime = [\"random\", \"al\"]\ndropout = [0, 0.25]\nseeds = 1\n\
                [[conditions]]\nunless = { regime = \"random\" }\nset = { dropout = 0.0 }\n\
                [[conditions]]\nwhen = { regime = \"random\", dropout = 0 }\n\
                unless = { epochs = 3 }\nset = { epochs = 2 }";
    let points = parse(text).expect("valid").points().expect("a grid");
    let of: Vec<_> = points
        .iter()
        .map(|point| {
            (point.regime.as_str(), point.final_model.dropout, point.final_model.training.epochs)
        })
        .collect();
    for wanted in [("random", 0.0, 2), ("random", 0.25, 40), ("al", 0.0, 40)] {
        assert!(of.contains(&wanted), "{wanted:?} in {of:?}");
    }
    assert!(!of.contains(&("al", 0.25, 40)));
}

#[test]
fn a_condition_without_a_condition_is_refused() {
    for text in [
        "set = { epochs = 3 }",
        "when = {}\nset = { epochs = 3 }",
        "when = { epochs = 3 }",
        "when = { epohcs = 3 }\nset = { width = 2 }",
    ] {
        let error =
            parse(&format!("seeds = 1\n[[conditions]]\n{text}")).expect_err(text).to_string();
        assert!(error.starts_with("a.toml: line 2: "), "{error}");
    }
}

#[test]
fn a_misspelt_key_is_named_with_its_line() {
    let error = parse("seeds = 2\n\nquery_sise = 4\n").expect_err("unknown").to_string();
    assert_eq!(error, "a.toml: line 3: unknown key `query_sise`: did you mean `loop.query_size`?");
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    for (text, what) in [
        (
            "epochs = \"ten\"",
            "a.toml: line 1: `epochs`: found \"ten\", expected a whole number from 0 to \
             4294967295",
        ),
        ("\nregime = \"alfa\"", "a.toml: line 2: unknown regime `alfa`: did you mean `alda`?"),
        (
            "seeds = -1",
            "a.toml: line 1: `seeds` is a number of seeds, a range such as \"0..20\", or a \
             list of seeds",
        ),
        ("seeds = ", "a.toml: line 1: "),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.starts_with(what), "{error}");
    }
}

#[test]
fn changes_go_over_the_file() {
    let study = Study::parse("epochs = 40", "a.toml", &["epochs=2".into(), "regime=da".into()])
        .expect("valid");
    let point = &study.points().expect("a grid")[0];
    assert_eq!((point.final_model.training.epochs, point.regime.as_str()), (2, "da"));
}

#[test]
fn names_of_classes_are_a_study_s_own_and_no_grid() {
    let study =
        parse("regime = \"random\"\nseeds = 1\nclass_names = [\"a\", \"b, c\"]").expect("valid");
    assert_eq!(study.class_names.as_deref(), Some(&["a".to_owned(), "b, c".to_owned()][..]));
    assert_eq!(
        (study.points().expect("a grid").len(), parse(&study.resolved()).expect("valid")),
        (1, study)
    );
    assert!(
        !parse("seeds = 1").expect("valid").resolved().contains("class_names"),
        "older folders go on"
    );
    let error = parse("seeds = 1\nclass_names = \"a,b\"").expect_err("a text").to_string();
    assert_eq!(error, "a.toml: line 2: `class_names` is a list of texts, one for each class");
}

#[test]
fn files_that_do_not_fit_the_data_are_said_before_the_first_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let data = testing::dataset(60);
    let file = std::fs::File::create(path("squares.npz")).expect("made");
    fewlabel_learn::data::npz::write(&data, file).expect("written");
    let bytes = crate::store::npy_writer::npy_f32(&[59, 2], &[0.5; 118]);
    std::fs::write(path("h.npy"), bytes).expect("written");
    let jobs = |text: &str| {
        let text =
            format!("data = {:?}\nseeds = 1\n{text}", path("squares.npz").display().to_string());
        parse(&text)
            .expect("valid")
            .jobs()
            .map(|jobs| jobs.len())
            .map_err(|error| error.to_string())
    };
    let features = format!(
        "regime = \"al\"\nstrategy = \"core-set\"\nfeatures = {:?}",
        path("h.npy").display().to_string()
    );
    let error = jobs(&features).expect_err("59 rows");
    assert!(error.ends_with("h.npy: has 59 rows, expected one for each of 60 images"), "{error}");
    let settings = fewlabel_learn::pretrain::PretrainSettings {
        epochs: 1,
        width: 2,
        batch_size: 20,
        ..Default::default()
    };
    let small = Split {
        images: Images { height: 14, width: 14, channels: 1, pixels: vec![9; 196 * 40] },
        labels: vec![0; 40],
    };
    let small = Dataset::new(
        "small".into(),
        [small.clone(), small.clone(), small],
        data.class_names.clone(),
    );
    let encoder = path("e.safetensors");
    crate::execute::encoder_file::make(
        &small,
        &settings,
        0,
        fewlabel_learn::Context::new(1),
        &encoder,
        &mut |_, _| {},
    )
    .expect("an encoder");
    let on_encoder = format!(
        "regime = \"pretrained-random\"\nlabels = 6\nencoder = {:?}",
        encoder.display().to_string()
    );
    let error = jobs(&on_encoder).expect_err("another shape");
    assert!(
        error.ends_with("e.safetensors: the encoder takes 14x14x1 images, not 28x28x1"),
        "{error}"
    );
}

#[test]
fn a_resolved_study_reads_back_as_itself() {
    let text = "name = \"x\"\nlabels = [19, 43]\n[[conditions]]\nwhen = { labels = 19 }\n\
                set = { epochs = 3 }";
    let study = parse(text).expect("valid");
    assert_eq!(parse(&study.resolved()).expect("valid"), study);
}

#[test]
fn a_subset_is_smaller_and_another_data_set() {
    let data = testing::dataset(60);
    let fewer = subset(data.clone(), [20, 0, 10]).expect("enough images");
    assert_eq!([fewer.train.len(), fewer.val.len(), fewer.test.len()], [20, 30, 10]);
    assert_ne!(fewer.checksum, data.checksum);
    assert_eq!(subset(data.clone(), [61, 0, 31]).expect("all").checksum, data.checksum);
}

fn set(text: &str, changes: &[&str]) -> Result<Study, StudyError> {
    let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
    Study::parse(text, "a.toml", &changes)
}

#[test]
fn tables_and_former_names_say_the_same() {
    let former = parse(
        "regime = \"al\"\nepochs = 3\nloop_width = [2, 4]\nfirst_epochs = 1\nencoders = 2\n\
         pretrain = { width = 4 }\n[[conditions]]\nwhen = { width = 3 }\nset = { epochs = 9 }",
    );
    let now = parse(
        "regime = \"al\"\nfinal.epochs = 3\n[loop]\nwidth = [2, 4]\nepochs = 1\n\
         [encoder]\ncount = 2\n[encoder.pretrain]\nwidth = 4\n\
         [[conditions]]\nwhen = { final.width = 3 }\nset = { final.epochs = 9 }",
    );
    let (former, now) = (former.expect("read for ever"), now.expect("valid"));
    assert_eq!(former.normal(), now.normal());
    assert_eq!(now.renamed(), None);
    assert_eq!(
        former.renamed().expect("a line"),
        "a.toml: encoders is now encoder.count, epochs is now final.epochs, first_epochs is now \
         loop.epochs, loop_width is now loop.width, pretrain is now encoder.pretrain, width is \
         now final.width"
    );
    let again = parse(&former.resolved()).expect("valid");
    assert_eq!((again.normal(), again.renamed()), (now.normal(), None));
}

#[test]
fn changes_reach_into_tables() {
    let text = "epochs = 5\n[encoder]\npretrain = { width = 4, epochs = 9 }";
    let changes = ["loop.epochs=3", "encoder.pretrain.epochs=[1, 2]", "final.epochs=4"];
    let points = set(text, &changes).expect("valid").points().expect("a grid");
    assert_eq!(points.len(), 2 * 5, "a list inside a value spans a grid too");
    let first = &points[0];
    assert_eq!((first.queries.epochs, first.final_model.training.epochs), (3, 4));
    assert_eq!((first.encoder.pretrain.width, first.encoder.pretrain.epochs), (4, 1));
    let changes = ["final={ width = 3, epochs = 2 }", "augmentation.policy=randaugment"];
    let point = &set("", &changes).expect("valid").points().expect("a grid")[0];
    assert_eq!((point.final_model.width, point.final_model.training.epochs), (Some(3), 2));
    assert_eq!(point.augmentation.name(), "randaugment");
    assert!(set("", &["import.size=64"]).expect("valid").resolved().contains("size = 64"));
}

#[test]
fn a_misspelt_key_is_looked_for_in_its_table_and_in_the_others() {
    for (text, what) in [
        ("[loop]\nepoch = 3", "line 2: unknown key `epoch` in [loop]: did you mean `epochs`?"),
        (
            "[loop]\nlearning_rate = 3",
            "line 2: unknown key `learning_rate` in [loop]: did you mean `final.learning_rate`?",
        ),
        ("query_sice = 3", "line 1: unknown key `query_sice`: did you mean `loop.query_size`?"),
        ("lables = 3", "line 1: unknown key `lables`: did you mean `labels`?"),
        ("lop.width = 3", "line 1: unknown key `lop`: did you mean `loop`?"),
        ("epochs = 3\n[final]\nepochs = 4", "line 1: `epochs` and `final.epochs` are one setting"),
        ("loop = 3", "line 1: `loop` is a table of settings"),
        ("[final]\nepochs = -1", "line 2: `final.epochs`: found -1, expected a whole number"),
        ("[final]\nrecipe.steps = \"x\"", "line 2: `final.recipe.steps`: found \"x\""),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.starts_with(&format!("a.toml: {what}")), "{error}");
    }
    for (change, what) in [
        ("loop.epoch=3", "unknown key `epoch` in [loop]: did you mean `epochs`?"),
        ("lop.epochs=3", "unknown key `lop`: did you mean `loop`?"),
        ("final.epochs=x", "`final.epochs`: found \"x\", expected a whole number"),
    ] {
        let error = set("", &[change]).expect_err(change).to_string();
        assert!(error.starts_with(&format!("--set {change}: {what}")), "{error}");
    }
}

#[test]
fn axes_stand_for_the_regimes() {
    let data = testing::dataset(200);
    let ids = |text: &str| {
        let study = parse(&format!("{text}\nseeds = 1\nlabels = 12\nloop.initial = 4"));
        let points = study.expect("valid").points().expect("a grid");
        let id = |point: &Point| RunSettings::new(point, &data).expect("valid").id();
        points.iter().map(id).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(
        ids("backbone = \"encoder\"\nstrategy = [\"random\", \"typiclust\", \"badge\"]"),
        ids("regime = [\"pretrained-random\", \"pretrained-typiclust\", \"pretrained-badge\"]")
    );
    assert_eq!(
        ids("augment = [\"never\", \"after-query\"]\nstrategy = [\"random\", \"entropy\"]"),
        ids("regime = [\"random\", \"da\", \"al\", \"alpa\"]")
    );
    let study = parse("backbone = \"encoder\"").expect("valid");
    let again = parse(&study.resolved()).expect("valid");
    assert_eq!(again.normal(), study.normal());
    let error = parse("regime = \"al\"\naugment = \"never\"").expect_err("twice").to_string();
    assert_eq!(error, "a.toml: line 2: `augment` and `regime` say the same: give one of them");
}
