// The entry of every npm script. It has to parse on any Node that knows modules,
// so that an old one gets the message below instead of a SyntaxError: plain
// syntax here, everything newer in ./bootstrap/.
const REASONS = {
  EACCES: 'this user may not write there; make the folder writable, or run the command as its owner',
  EPERM: 'this user may not write there; make the folder writable, or run the command as its owner',
  EROFS: 'the file system is read-only; use a checkout on one that can be written to',
  ENOSPC: 'the disk is full; free some space and run the command again',
};

/** What the user can act on is told in one message; anything else with its stack. */
function tell(error) {
  if (error && error.expected) return console.error(error.message);
  const reason = error && error.path && REASONS[error.code];
  console.error(reason ? `Cannot write ${error.path}: ${reason}.` : error);
}

const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Ordermesh needs Node.js 20.19 or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a current LTS from https://nodejs.org and run the same command again.',
  );
  process.exitCode = 1;
} else if (process.platform === 'win32') {
  console.error(
    'Ordermesh does not run on Windows itself: it needs signals and process groups.\n' +
      'Use WSL 2 (https://learn.microsoft.com/windows/wsl/install) and run the same command there, or: docker compose up --build',
  );
  process.exitCode = 1;
} else {
  import('./bootstrap/run-in-image.mjs')
    .then(({ isImage, runInImage }) =>
      isImage() ? runInImage : import('./bootstrap/run-command.mjs').then(({ runCommand }) => runCommand),
    )
    .then((run) => run(process.argv[2], process.argv.slice(3)))
    .catch((error) => {
      tell(error);
      process.exitCode = error?.exitCode ?? 1;
    });
}
