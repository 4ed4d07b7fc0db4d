//! `fewlabel label`: a page in the browser, where a person labels what the program asks for.

use crate::data_set;
use crate::import_options::ImportOptions;
use crate::interrupt::Interrupt;
use crate::labelling::give_way::give_way;
use crate::labelling::server::{Listening, Server};
use crate::options::{Common, count, means_nothing};
use crate::screen::{self, Exit};
use anyhow::{Context as _, bail};
use clap::Args;
use fewlabel_learn::counted;
use fewlabel_learn::data::class_names;
use fewlabel_learn::pretrain::PretrainSettings;
use fewlabel_study::labelling::project::{self, Project};
use fewlabel_study::labelling::session::{self, Options, Session};
use fewlabel_study::model_files::read_encoder;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of `label`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The images: a folder, a manifest, a picture, or an .npz file. They stay where and as they
    /// are.
    #[arg(value_name = "FOLDER", required_unless_present = "project")]
    data: Option<PathBuf>,
    /// The classes, if you know them already; more can be made in the page.
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    classes: Vec<String>,
    /// The classes, one a line.
    #[arg(long, value_name = "F", conflicts_with = "classes")]
    classes_from: Option<PathBuf>,
    /// Where answers are kept [default: FOLDER.fewlabel, beside the folder]. An older project goes
    /// on.
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// The port of the page, 0 for any [default: 8350, or any if that is taken].
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Do not open a browser.
    #[arg(long)]
    no_open: bool,
    /// An encoder that `pretrain` made, in place of one that is learned now.
    #[arg(long, value_name = "E")]
    encoder: Option<PathBuf>,
    /// Passes over the images when an encoder is learned.
    #[arg(long, value_name = "E", default_value_t = PretrainSettings::default().epochs,
        value_parser = count::<u32>, conflicts_with = "encoder")]
    encoder_epochs: u32,
    /// Width f of the encoder that is learned.
    #[arg(long, value_name = "F", default_value_t = PretrainSettings::default().width,
        value_parser = count::<usize>, conflicts_with = "encoder")]
    encoder_width: usize,
    /// Who chooses the images: any strategy, or alpa, the paper's own with networks that learn from
    /// nothing [default: the project's own, typiclust at first].
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// Whose answers these are [default: your user name].
    #[arg(long, value_name = "NAME")]
    annotator: Option<String>,
    /// Let other machines ask, at this address. It takes --tls-cert and --tls-key, or --insecure.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    /// The certificate for other machines, a PEM file.
    #[arg(long, value_name = "CERT.pem", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key, a PEM file.
    #[arg(long, value_name = "KEY.pem", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Let other machines ask without encryption: anyone on the way can read images and answers.
    #[arg(long, conflicts_with = "tls_cert")]
    insecure: bool,
    /// Keep answers on a network's disk all the same.
    #[arg(long)]
    store_anyway: bool,
    #[command(flatten)]
    import: ImportOptions,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    // Where --threads was given these threads are there already.
    let pool = rayon::ThreadPoolBuilder::new().start_handler(|_| give_way());
    let _ = pool.build_global();
    let server = Server::bind(&arguments.listening())?;
    let session = arguments.open(common)?;
    let folder = session.folder().display().to_string();
    let url = server.url();
    screen::print(&format!("{url}\n"))?;
    if !common.quiet {
        screen::note(&format!("answers are kept in {folder}; Ctrl-C ends the page"));
    }
    if !arguments.no_open
        && let Err(error) = open::that_detached(&url)
    {
        screen::note(&format!("no browser could be opened ({error}): open the address above"));
    }
    let session = Arc::new(session);
    server.serve(Arc::clone(&session), interrupt.clone())?;
    let labelled = session.status().labelled;
    if !common.quiet {
        screen::note(&format!("{}, kept in {folder}", counted(labelled, "label")));
    }
    // Whoever still asks holds the session; all that is needed is on disk already.
    if let Ok(session) = Arc::try_unwrap(session) {
        session.close()?;
    }
    // Ctrl-C is how this command ends.
    match interrupt.exit_code() {
        None | Some(130) => Ok(()),
        Some(code) => Err(Exit(code).into()),
    }
}

impl Arguments {
    fn listening(&self) -> Listening {
        Listening {
            port: self.port,
            address: self.listen,
            tls: self.tls_cert.clone().zip(self.tls_key.clone()),
            insecure: self.insecure,
        }
    }

    /// Opens the project, or makes one.
    fn open(&self, common: &Common) -> anyhow::Result<Session> {
        let import = self.import.import();
        if import.val_share > 0.0 || import.test_share > 0.0 {
            let option = if import.val_share > 0.0 { "--val-share" } else { "--test-share" };
            return Err(means_nothing(option, "label"));
        }
        let classes = self.classes()?;
        if let Some(strategy) = &self.strategy {
            session::check_strategy(strategy)?;
        }
        if let Some(encoder) = &self.encoder {
            read_encoder(encoder)?;
        }
        let mut listed = None;
        if let Some(data) = &self.data {
            data_set::refuse_missing(data)?;
            listed = session::list(data, &import)?;
        }
        let folder = match (&self.project, &self.data) {
            (Some(folder), _) => folder.clone(),
            (None, Some(data)) => project::folder_of(data)?,
            (None, None) => bail!("name the folder of images"),
        };
        let project = Project::open(&folder, self.data.as_deref(), common.seed, self.store_anyway)?;
        if self.data.is_none() {
            listed = session::list(&project.data, &import)?;
        }
        let options = Options {
            data: project.data.clone(),
            listed,
            unlabelled: import.unlabelled,
            import,
            classes,
            encoder: self.encoder.clone(),
            pretraining: PretrainSettings {
                epochs: self.encoder_epochs,
                width: self.encoder_width,
                ..PretrainSettings::default()
            },
            strategy: self.strategy.clone(),
            annotator: self.annotator.clone().unwrap_or_else(user),
            threads: common.threads(),
            give_way,
        };
        Ok(Session::open(project, options)?)
    }

    fn classes(&self) -> anyhow::Result<Vec<String>> {
        let names: Vec<String> = match &self.classes_from {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                lines.map(str::to_owned).collect()
            }
            None => self.classes.iter().map(|name| name.trim().to_owned()).collect(),
        };
        if !names.is_empty() {
            let given = self.classes_from.as_ref();
            let place = given.map_or("--classes".to_owned(), |path| path.display().to_string());
            class_names::check_each(&names).map_err(|what| anyhow::anyhow!("{place}: {what}"))?;
        }
        Ok(names)
    }
}

fn user() -> String {
    let name = ["USER", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "me".to_owned())
}
