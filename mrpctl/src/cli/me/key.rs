//! Flags of `mrpctl key`.

use crate::cli::value;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Private keys as files, and signatures of data
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl key ls
  mrpctl key new ci                              a file of its own below ~/.mrp/keys
  mrpctl key use ci                              act as it where no other identity is named
  mrpctl key import agent.pem robot              32 raw bytes, their hexadecimal or base64url text, or a PEM of OpenSSL
  mrpctl key encrypt ci                          keep it under a passphrase from now on
  mrpctl key encrypt ci --out /mnt/usb/ci.key    a copy under a passphrase
  mrpctl key decrypt /mnt/usb/ci.key | mrpctl key import - ci
  mrpctl key sign < release.tar > release.sig
  mrpctl key verify alice \"$(cat release.sig)\" < release.tar

A key file holds the 32 bytes of the seed and nothing else, as the published clients write it, readable for its owner alone.
One that key encrypt has written is four lines of text, which mrpd and other clients do not open by themselves.")]
pub(crate) enum Key {
    /// Make a key, in a file that must not exist
    New {
        /// Its name (default: that of --agent, else the default identity)
        #[arg(value_name = "NAME", value_parser = value::name)]
        name: Option<String>,
    },
    /// Show the key files and who uses them
    Ls,
    /// Act as this identity where no other is named; one that is not configured yet is configured
    Use {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Show the public half of a key
    Show {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Take a key over from a file; - is standard input
    Import {
        /// 32 raw bytes, their hexadecimal or base64url text, or a PEM of OpenSSL
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The name it is to have (default: that of the file)
        #[arg(value_name = "NAME", value_parser = value::name)]
        name: Option<String>,
    },
    /// Write the private key out: whoever has it is you
    Export {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
        /// Into a new file, raw, for its owner alone (default: base64url to standard output, unless that is a terminal)
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    Encrypt(KeyEncrypt),
    Decrypt(KeyDecrypt),
    /// Remove a key file for ever; asks at a terminal, and needs --yes elsewhere
    Rm {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Sign standard input: a detached signature, of its SHA-256 and a word that no message begins with
    Sign,
    /// Check a signature of standard input; exit status 65 where it is none
    Verify {
        /// Contact, key or card that is to have signed; me, or a local identity
        #[arg(value_name = "KEY", allow_hyphen_values = true, value_parser = value::given)]
        who: String,
        /// The 86 characters that key sign has written
        #[arg(value_name = "SIG", allow_hyphen_values = true, value_parser = value::given)]
        signature: String,
    },
}

/// Keep a key file under a passphrase
///
/// The file is replaced only when what was written in its place has been read back and opened. What the disk has kept of the
/// old bytes is beyond this: a key that was ever in clear on a disk that others may get is better replaced by a new one.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl key encrypt laptop                                asks for the passphrase, twice
  mrpctl key encrypt laptop --out /mnt/usb/laptop.key      a copy; the file itself stays as it is
  mrpctl key encrypt ./agent.key --passphrase-file ~/.config/mrp/passphrase
  mrpctl key export ci | mrpctl key encrypt - --passphrase-file pass.txt > ci.key

mrpd cannot ask for a passphrase. Have a command give it the key, in mrpd.toml instead of key_file:

  [[agent]]
  name = \"laptop\"
  key_command = [\"mrpctl\", \"key\", \"decrypt\", \"laptop\", \"--passphrase-file\", \"/run/me/pass\"]

The passphrase then lies on another disk, in a file that goes with the power, or with the
service manager, as a credential (LoadCredentialEncrypted=pass in mrpd's unit):

  key_command = [\"sh\", \"-c\",
    \"exec mrpctl key decrypt laptop --passphrase-file $CREDENTIALS_DIRECTORY/pass\"]

systemd can keep the key itself as well, encrypted to this machine: key_credential, and
systemd-creds encrypt.

The passphrase becomes a key by Argon2id (64 MiB, 3 passes, 4 lanes), which seals the seed with
ChaCha20-Poly1305. The public key stays readable. A passphrase that is forgotten is gone, and
the private key with it.")]
pub(crate) struct KeyEncrypt {
    /// The name of a key, the path of its file, or - for standard input, in any form that key import takes
    #[arg(value_name = "NAME|FILE", value_parser = value::given)]
    pub(crate) which: String,
    /// Into a new file, and leave the other as it is; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// A file with the passphrase, readable for you alone, or - for standard input; a newline at its end does not count (default: asks)
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Write the private key out that is kept under a passphrase: whoever has it is you
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl key decrypt laptop --replace                      in clear again, in the same place
  mrpctl key decrypt /mnt/usb/laptop.key --out laptop.key
  mrpctl key decrypt /mnt/usb/laptop.key | mrpctl key import - laptop
  mrpctl key decrypt laptop --passphrase-file pass.txt     for key_command in mrpd.toml: see key encrypt --help

Exit status 65 where the passphrase is another one, or the file was changed.")]
pub(crate) struct KeyDecrypt {
    /// The name of a key, the path of its file, or - for standard input
    #[arg(value_name = "NAME|FILE", value_parser = value::given)]
    pub(crate) which: String,
    /// Into a new file, raw, for its owner alone (default: base64url to standard output, unless that is a terminal)
    #[arg(long, value_name = "FILE", conflicts_with = "replace")]
    pub(crate) out: Option<PathBuf>,
    /// In place of the file itself
    #[arg(long)]
    pub(crate) replace: bool,
    /// A file with the passphrase, readable for you alone, or - for standard input; a newline at its end does not count (default: asks)
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}
