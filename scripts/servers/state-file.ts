import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { UserError } from './search';

/**
 * Writes a file whole or not at all, and so that it survives a power cut: beside its place, synced, renamed, and the
 * folder synced too. For the owner only: there may be passwords in it.
 * @throws {UserError} where the folder cannot be written to
 */
export function writeStateFile(file: string, content: string): void {
  const beside = `${file}.${process.pid}.new`;
  try {
    const descriptor = openSync(beside, 'w', 0o600);
    try {
      writeSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(beside, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    rmSync(beside, { force: true });
    throw cannotWrite(file, error);
  }
}

/** @returns undefined where there is no such file, or what is in it is not JSON: cut short, or somebody else's */
export function readStateFile<T extends object>(file: string): T | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError || code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw cannotRead(file, error);
  }
}

function syncFolder(folder: string): void {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } catch {
    // Some file systems cannot sync a folder; then the rename is as durable as they make it.
  } finally {
    closeSync(descriptor);
  }
}

const REASONS: Record<string, string> = {
  EACCES: 'this user may not write there; make the folder writable, or run the command as its owner',
  EPERM: 'this user may not write there; make the folder writable, or run the command as its owner',
  EROFS: 'the file system is read-only; use a checkout on one that can be written to',
  ENOSPC: 'the disk is full; free some space and run the command again',
  ENOTDIR: 'something else is in its place; move it away',
  EEXIST: 'something else is in its place; move it away',
  EDQUOT: 'the disk quota is used up; free some space and run the command again',
};

/** An error of the file system as a message that says what to do; others as they are. */
export function cannotWrite(file: string, error: unknown): Error {
  const why = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
  return why ? new UserError(`Cannot write ${file}: ${why}.`) : (error as Error);
}

const cannotRead = (file: string, error: unknown): Error =>
  (error as NodeJS.ErrnoException).code === 'EACCES'
    ? new UserError(`Cannot read ${file}: it belongs to another user.`)
    : (error as Error);
