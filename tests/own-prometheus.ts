import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { freePort, randomPortBase } from '../scripts/servers/free-port';
import type { Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';

export const RULES = path.resolve('deploy/prometheus/alerts.yml');
const CONFIG = path.resolve('deploy/prometheus/prometheus.yml');

/** A target: its address, and what the discovery of the real configuration would add. */
export interface Target {
  url: string;
  labels?: Record<string, string>;
}

/** By job. */
export type Targets = Record<string, readonly Target[]>;

export interface Sample {
  metric: Record<string, string>;
  value: number;
}

export interface OwnPrometheus {
  /** What an expression is worth now. @throws where Prometheus refuses it */
  query(expression: string): Promise<Sample[]>;
  /** The alerts that fire. */
  firing(): Promise<Record<string, string>[]>;
  rules(): Promise<{ name: string; type: string; health: string; lastError?: string }[]>;
  /** Says where they are now, by job: as the discovery would find them. */
  setTargets(targets: Targets): void;
  targets(): Promise<
    { health: string; scrapePool: string; labels: Record<string, string>; lastError: string }[]
  >;
  stop(): Promise<void>;
}

interface ScrapeConfig {
  job_name: string;
  params?: Record<string, string[]>;
  [field: string]: unknown;
}

/**
 * Starts a Prometheus with the real configuration and rules; only where its targets are is given, because there is no
 * DNS to find them by.
 * @param targets by job
 * @param vhost of the queues
 */
export async function startPrometheus(
  program: string,
  targets: Targets,
  vhost: string,
): Promise<OwnPrometheus> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-prometheus-'));
  const config = parse(readFileSync(CONFIG, 'utf8')) as {
    rule_files: string[];
    scrape_configs: ScrapeConfig[];
  };
  config.rule_files = [RULES];
  config.scrape_configs = config.scrape_configs.map(
    ({ dns_sd_configs: _, relabel_configs: __, ...job }): ScrapeConfig => ({
      ...job,
      params: job.params?.vhost ? { ...job.params, vhost: [vhost] } : job.params,
      file_sd_configs: [{ files: [path.join(folder, `${job.job_name}.json`)] }],
    }),
  );
  const setTargets = (now: Targets) => {
    for (const { job_name } of config.scrape_configs) {
      const groups = (now[job_name] ?? []).map(({ url, labels }) => ({
        targets: [new URL(url).host],
        labels,
      }));
      const beside = path.join(folder, `${job_name}.new`);
      writeFileSync(beside, JSON.stringify(groups));
      renameSync(beside, path.join(folder, `${job_name}.json`));
    }
  };
  setTargets(targets);
  const file = path.join(folder, 'prometheus.yml');
  writeFileSync(file, stringify(config, { aliasDuplicateObjects: false }));
  const port = await freePort(randomPortBase());
  // It ends with this process, however that ends: the shell hears of it by the end of its input.
  const child = spawn(
    'sh',
    [
      '-c',
      '"$@" & cat >/dev/null; kill $!; wait',
      'sh',
      program,
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = `${log}${chunk.toString()}`.slice(-4_000)));
  const ended = once(child, 'exit');

  const ask = async <T>(question: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${question}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${question}: ${answer.error}`);
    return answer.data;
  };
  const prometheus: OwnPrometheus = {
    query: async (expression) => {
      const { resultType, result } = await ask<{ resultType: string; result: unknown }>(
        `query?query=${encodeURIComponent(expression)}`,
      );
      if (resultType === 'scalar') return [{ metric: {}, value: Number((result as [number, string])[1]) }];
      const vector = result as { metric: Record<string, string>; value: [number, string] }[];
      return vector.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    firing: async () => {
      const { alerts } = await ask<{ alerts: { state: string; labels: Record<string, string> }[] }>('alerts');
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels);
    },
    rules: async () => {
      type Rule = { name: string; type: string; health: string; lastError?: string };
      const { groups } = await ask<{ groups: { rules: Rule[] }[] }>('rules');
      return groups.flatMap(({ rules }) => rules);
    },
    setTargets,
    targets: async () => {
      type Active = { health: string; scrapePool: string; labels: Record<string, string>; lastError: string };
      return (await ask<{ activeTargets: Active[] }>('targets')).activeTargets;
    },
    stop: async () => {
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await until('Prometheus to be ready', async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
  } catch (error) {
    await prometheus.stop();
    throw new Error(`Prometheus is not ready: ${log}`, { cause: error });
  }
  return prometheus;
}

/** The services of a mesh, each as its newest process, and its broker. */
export function targetsOf(mesh: Mesh, metricsUrl: string): Targets {
  const services = [...new Set(mesh.processes.map(({ name }) => name))].filter(
    (name) => name !== 'payment-simulator',
  );
  return {
    ordermesh: services.map((service) => ({ url: mesh.service(service).url, labels: { service } })),
    rabbitmq: [{ url: metricsUrl }],
    'rabbitmq-queues': [{ url: metricsUrl }],
  };
}

export const vhostOf = (mesh: Mesh): string => decodeURIComponent(new URL(mesh.broker.url).pathname.slice(1));
