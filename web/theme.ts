const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const KEY = 'theme';

/** Makes a button turn the page from the system's colours to light to dark; remembered in this browser. */
export function addThemeButton(button: HTMLButtonElement): void {
  let theme = THEMES.find((one) => one === localStorage.getItem(KEY)) ?? 'auto';
  const show = (): void => {
    applyTheme(theme);
    button.textContent = `Theme: ${theme}`;
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
    localStorage.setItem(KEY, theme);
    show();
  });
  show();
}

function applyTheme(theme: Theme): void {
  document.documentElement.style.colorScheme = theme === 'auto' ? '' : theme;
}
