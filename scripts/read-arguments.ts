import { parseArgs, type ParseArgsConfig } from 'node:util';

/** Reads the command line. With `--help` it says how the command is used, and with what it does not know, why not; both end it. */
export function readArguments<C extends ParseArgsConfig>(
  usage: string,
  config: C,
): ReturnType<typeof parseArgs<C>> {
  if (process.argv.slice(2).some((one) => one === '--help' || one === '-h')) {
    console.log(`Usage: ${usage}`);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: ${usage}`);
    process.exit(2);
  }
}
