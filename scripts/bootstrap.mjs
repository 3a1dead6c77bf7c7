// The entry of every npm script. It has to parse on any Node that knows modules,
// so that an old one gets the message below instead of a SyntaxError: plain
// syntax here, everything newer in ./bootstrap/.
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Ordermesh needs Node.js 20.19 or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      'Install a current LTS from https://nodejs.org and run the same command again.',
  );
  process.exitCode = 1;
} else {
  import('./bootstrap/run-in-image.mjs')
    .then(({ isImage, runInImage }) =>
      isImage() ? runInImage : import('./bootstrap/run-command.mjs').then(({ runCommand }) => runCommand),
    )
    .then((run) => run(process.argv[2], process.argv.slice(3)))
    .catch((error) => {
      console.error(error?.expected ? error.message : error);
      process.exitCode = error?.exitCode ?? 1;
    });
}
