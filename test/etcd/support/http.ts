/** A page as text, with its status. */
export async function page(
  url: string,
  options: RequestInit = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, options);
  return { status: response.status, text: await response.text() };
}

/** Posts JSON and gives the JSON that comes back. */
export async function post(url: string, json: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(json), headers });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}
